"""Faults and warnings of the configuration. The key stands before: "accounts.lab.public_key：缺失……"."""

CONFIGURATION = {
    "{0}: {1} fault": "{0:text}：{1} 个错误",
    "{0}: {1} faults": "{0:text}：{1} 个错误",
    "the environment": "环境变量",
    "a table": "一个表",
    # the file, its tables and keys
    "cannot be read: {0}": "无法读取：{0:text}",
    "is not text in UTF-8": "不是 UTF-8 文本",
    "is not TOML: {0}": "不是有效的 TOML：{0}",
    "is not TOML that syncd can read": "不是 syncd 能读取的 TOML",
    "is missing: a key pair needs both variables": "缺失：密钥对需要两个变量",
    "there is none ({0} and {1} do not exist): `syncd config init` writes a start, or set ${2} and ${3}": (
        "没有配置（{0} 和 {1} 都不存在）：用 `syncd config init` 生成一份，或设置 ${2} 和 ${3}"
    ),
    # secrets
    "must be a table: [{0}]": "应为一个表：[{0}]",
    "must be tables: [{0}.NAME]": "应为若干个表：[{0}.NAME]",
    "must be a table: [{0}.{1}]": "应为一个表：[{0}.{1}]",
    "belongs in a table with a name: [{0}.NAME]": "应写在有名称的表里：[{0}.NAME]",
    "belongs in [{0}]": "应写在 [{0}] 里",
    "is not a table; did you mean [{0}]?": "没有这个表；是不是 [{0}]？",
    "is not a table; there are {0}": "没有这个表；可用的有 {0}",
    'is not a key of [{0}]; did you mean "{1}"?': "不是 [{0}] 的配置项；是不是 “{1}”？",
    "is not a key of [{0}]; there are {1}": "不是 [{0}] 的配置项；可用的有 {1}",
    "a text in quotes": "带引号的文本",
    "true or false": " true 或 false",
    "a whole number from {0} to {1}": " {0} 到 {1} 的整数",
    "a number from {0} to {1}": " {0} 到 {1} 的数",
    "a list of texts": "文本列表",
    "must be a text in quotes": "应为带引号的文本",
    "must be one of {0}": "应为以下之一：{0}",
    'must be one of {0}; did you mean "{1}"?': "应为以下之一：{0}；是不是 “{1}”？",
    'must be a duration such as "15s", "5m", "1h" or "30d"': "应为时长，例如 “15s”、“5m”、“1h” 或 “30d”",
    'must be from "{0}" to "{1}"': "应在 “{0}” 到 “{1}” 之间",
    "must be a list of one or more texts, such as {0}": "应为至少一项的文本列表，例如 {0}",
    "is not a path": "不是路径",
    "must hold certificates in PEM (-----BEGIN CERTIFICATE-----)": (
        "应为 PEM 格式的证书（-----BEGIN CERTIFICATE-----）"
    ),
    "is not a URL": "不是 URL",
    "must begin with https:// or http://": "应以 https:// 或 http:// 开头",
    "names no host": "没有主机名",
    "must have no user, query or fragment": "不能带用户、查询参数或片段",
    'must be an address and a port, such as "127.0.0.1:9477" or "[::1]:9477"': (
        "应为地址加端口，例如 “127.0.0.1:9477” 或 “[::1]:9477”"
    ),
    # the schedule
    "is given together with interval: keep one of the two": "与 interval 同时出现：只保留一个",
    "is for cron only: an interval has no time zone": "只用于 cron：interval 没有时区",
    'must be an IANA time zone such as "Asia/Shanghai"': "应为 IANA 时区，例如 “Asia/Shanghai”",
    "must not be longer than the interval": "不能比 interval 更长",
    'must have five fields: minute, hour, day, month, day of the week, such as "*/5 * * * *"': (
        "应有五段：分、时、日、月、星期，例如 “*/5 * * * *”"
    ),
    "must have * for the day or for the day of the week: with both, cron would run on either of them": (
        "日和星期必须有一个是 *：否则 cron 满足其一就会运行，容易误解"
    ),
    "is a date that never comes": "这个日期永远不会到来",
    "{0} is not a valid {1}: {2} to {3}, with * , - and /": "{0} 不是有效的{1:text}：{2} 到 {3}，可用 * , - 和 /",
    "{0} is not a valid {1}: {2} to {3} or {4} to {5}, with * , - and /": (
        "{0} 不是有效的{1:text}：{2} 到 {3} 或 {4} 到 {5}，可用 * , - 和 /"
    ),
    "minute": "分",
    "hour": "时",
    "day": "日",
    "month": "月",
    "day of the week": "星期",
    # accounts
    "are missing: add [accounts.NAME] with public_key and private_key": (
        "缺失：请添加 [accounts.NAME]，写上 public_key 和 private_key"
    ),
    'the name of an account may have a-z, 0-9 and "-", and at most 63 characters': (
        "账号名称只能用 a-z、0-9 和 “-”，最多 63 个字符"
    ),
    "a key is given as well: keep the profile or the keys": "与密钥同时出现：profile 和密钥只保留一种",
    "is missing: give {0}, {1}_file, {2}_env, {3}_credential or a profile": (
        "缺失：请给出 {0}、{1}_file、{2}_env、{3}_credential 或 profile"
    ),
    'is not the name of a region, such as "cn-wlcb"': "不是地域，地域形如 “cn-wlcb”",
    "is not a profile in {0}; there are: {1}": "{0} 里没有这个 profile；已有：{1}",
    "{0} has no public_key and private_key for it": "{0} 里没有它的 public_key 和 private_key",
    "a key is no text": "密钥不是文本",
    'must be a table: {0} = {{ NAME = "…" }}': '应为一个表：{0} = {{ NAME = "…" }}',
    "must be one line, without control characters": "应为一行，不含控制字符",
    "is given as {0}: keep one": "以 {0} 多次给出：只保留一个",
    "must be the name of a variable that is set, and not empty": "应为已设置且非空的环境变量的名称",
    "must be the name of a credential, without slashes": "应为凭据的名称，不含斜杠",
    "is not one of the unit's credentials; there are: {0}": "服务单元没有这个凭据；已有：{0:text}",
    "none that can be read": "无法读取",
    "none": "无",
    "needs $CREDENTIALS_DIRECTORY, which systemd sets for a unit with LoadCredential=; in a shell, root reads the"
    " file in credentials/ beside the configuration, which {0}": (
        "需要 $CREDENTIALS_DIRECTORY，由 systemd 为带有 LoadCredential= 的服务单元设置；在 shell 里由 root 读取配"
        "置旁 credentials/ 里的文件，而该文件{0:text}"
    ),
    "must be an ordinary file": "应为普通文件",
    "is open to others (mode {0}): chmod o= the file": "其他用户可以访问（权限 {0}）：请对该文件执行 chmod o=",
    "is larger than 64 KiB, which is too large for a secret": "大于 64 KiB，不会是密钥",
    "is empty": "是空的",
    "must begin with whsec_; make one with: echo whsec_$(head -c 32 /dev/urandom | base64)": (
        "应以 whsec_ 开头；可以这样生成：echo whsec_$(head -c 32 /dev/urandom | base64)"
    ),
    "must be whsec_ and base64": "应为 whsec_ 加 base64",
    "must hold 24 to 64 bytes, not {0}": "应为 24 到 64 字节，而不是 {0}",
    # sinks
    'the name of a sink may have letters, digits, "_", "-" and ".", and at most 63 characters': (
        "接收端名称只能用字母、数字、“_”、“-” 和 “.”，最多 63 个字符"
    ),
    'is missing: "log" or "webhook"': "缺失：“log” 或 “webhook”",
    "is already used by {0}; give this sink a file of its own": "已经是{0:text}的文件；请给这个接收端单独的文件",
    "the database": "数据库",
    "this configuration": "本配置",
    'must be "region" where regions are named: the account\'s news may come from any of its regions': (
        "限定了地域时应为 “region”：账号的消息可能来自它的任何地域"
    ),
    'matches nothing; did you mean "{0}"?': "没有匹配的；是不是 “{0}”？",
    "matches nothing; there are {0}": "没有匹配的；已有 {0}",
    "is missing: give url, url_file, url_env or url_credential": (
        "缺失：请给出 url、url_file、url_env 或 url_credential"
    ),
    'is missing: format = "template" needs the body\'s template': '缺失：format = "template" 需要消息体的模板',
    "is not a valid header name": "不是有效的请求头名称",
    "is a header that syncd sets itself": "这个请求头由 syncd 自己设置",
    "is given twice": "重复给出",
    'a sink of type "log"': " “log” 类型的接收端",
    'a webhook of format "{0}"': " “{0}” 格式的 webhook",
    "is not a Jinja2 template: line {0}: {1}": "不是有效的 Jinja2 模板：第 {0} 行：{1}",
    "fails for {0} events: {1}": "对 {0} 事件出错：{1:text}",
    "{0}; use {{% if … %}} for what is not always there, or narrow the sink's events": (
        "{0}；不一定存在的内容请用 {{% if … %}} 判断，或缩小接收端的事件范围"
    ),
    "the result is not JSON, since texts hold quotes and line breaks; write {{{{ image.name | tojson }}}}": (
        "结果不是 JSON，因为文本里有引号和换行；请写 {{{{ image.name | tojson }}}}"
    ),
    # warnings
    "{0} holds secrets and is open to others: chmod o= {1}": "{0} 含有密钥，而其他用户可以访问：chmod o= {1}",
    "{0} may be there, but you may not look: {1}": "可能有 {0}，但你无权查看：{1:text}",
    "is blank: there is nothing in it but spaces": "只有空格，没有内容",
    "is only a placeholder: put the real value in its place": "只是占位符：请换成真实的值",
    "is empty: put the value between the quotes, or use {0}_file, {1}_env or {2}_credential": (
        "是空的：请在引号之间填写，或使用 {0}_file、{1}_env 或 {2}_credential"
    ),
    '{0} (it is not shown, since it might be the key itself; a path that begins with "/" or "./" is shown)': (
        "{0:text}（未显示其值，因为它可能就是密钥；以 “/” 或 “./” 开头的路径会显示）"
    ),
    "is a device or a pipe: name an ordinary file": "是设备或管道：请指定普通文件",
    'is a folder: name a file in it, such as "{0}"': "是目录：请指定其中的文件，例如 “{0}”",
    "is a device that is always full: name an ordinary file": "是永远写满的设备：请指定普通文件",
    "is a pipe, and what nobody has read is lost when syncd stops: name an ordinary file": (
        "是管道，syncd 停止时未读取的内容会丢失：请指定普通文件"
    ),
    "is a device, not a file": "是设备，不是文件",
    "must be true or false": "应为 true 或 false",
    "must be a whole number from {0} to {1}": "应为 {0} 到 {1} 的整数",
    "must be a number from {0} to {1}": "应为 {0} 到 {1} 的数",
    "must be a list of texts": "应为文本列表",
    'does not belong to a sink of type "log"; it is for {0}': "不属于 “log” 类型的接收端；它用于 {0}",
    'does not belong to a sink of type "log"; remove it': "不属于 “log” 类型的接收端；请删除",
    'does not belong to a webhook of format "{0}"; it is for {1}': "不属于 “{0}” 格式的 webhook；它用于 {1}",
    'does not belong to a webhook of format "{0}"; remove it': "不属于 “{0}” 格式的 webhook；请删除",
    "is not TOML: {0}; there is {1} in that line, where TOML wants {2}": (
        "不是有效的 TOML：{0}；该行有 {1}，而 TOML 需要 {2}"
    ),
    "is UTF-16, but TOML must be UTF-8: {0}": "是 UTF-16，而 TOML 必须是 UTF-8：{0:text}",
    "line {0} is not UTF-8: save the file as UTF-8": "第 {0} 行不是 UTF-8：请把文件存为 UTF-8",
    "line {0} is not UTF-8, but probably GBK: {1}": "第 {0} 行不是 UTF-8，可能是 GBK：{1:text}",
    "save the file as UTF-8, or convert it: iconv -f {0} -t UTF-8 {1} > new.toml": (
        "请把文件存为 UTF-8，或转换：iconv -f {0} -t UTF-8 {1} > new.toml"
    ),
    "api.base_url is http:// to another machine: anybody between here and there can read the requests": (
        "api.base_url 以 http:// 访问其他机器：途经的任何人都能读到请求"
    ),
    "sinks.{0}.url is http:// to another machine: anybody between here and there can read the events": (
        "sinks.{0}.url 以 http:// 访问其他机器：途经的任何人都能读到事件"
    ),
    "heartbeat.url is http:// to another machine: anybody between here and there can read the URL": (
        "heartbeat.url 以 http:// 访问其他机器：途经的任何人都能读到地址"
    ),
    "there is no [sinks.NAME]: nobody is notified": "没有 [sinks.NAME]：不通知任何人",
    'retention.events is "{0}": events that a receiver has not taken by then are never delivered': (
        "retention.events 为 “{0}”：届时接收端仍未收下的事件不再投递"
    ),
}
