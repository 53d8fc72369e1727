"""Errors and what to do about them. Those of requests and deliveries that are not here are in
`syncd.sinks.chat.chinese_errors`, which messages to chats use too."""

ERRORS = {
    # the command line
    "there is no command {0}": "没有命令 {0}",
    "there is no command {0}; did you mean {1}?": "没有命令 {0}；是不是 {1}？",
    "see `{0} --help`": "请看 `{0} --help`",
    "unexpected {0}; --log-level debug shows where it comes from": "意外错误 {0}；加上 --log-level debug 可查看出处",
    "SYNCD_LANGUAGE is {0}": "SYNCD_LANGUAGE 的值是 {0}",
    'set it to "zh" or "en"': "请设为 “zh” 或 “en”",
    "a background task died: {0}": "后台任务意外终止：{0}",
    "this is a fault in syncd: run it with --log-level debug for the traceback, and report it": (
        "这是 syncd 的缺陷：请加 --log-level debug 运行以得到调用栈，并报告"
    ),
    "this is a fault of syncd: report it with the log": "这是 syncd 的缺陷：请连同日志一起报告",
    "this is a fault of syncd: report it with the log before this line": (
        "这是 syncd 的缺陷：请连同这一行之前的日志一起报告"
    ),
    "internal error: {0}": "程序内部错误：{0}",
    "{0} is not a time": "{0} 不是时间",
    'write a date such as "2026-11-20" or "2026-11-20T10:00", or how long ago, such as "2h"': (
        "请写日期，例如 “2026-11-20” 或 “2026-11-20T10:00”；或多久以前，例如 “2h”"
    ),
    '{0} is not a duration: write "30s", "5m" or "1h"': "{0} 不是时长：请写成 “30s”、“5m” 或 “1h”",
    "--follow never ends, so it cannot be written as {0}": "--format {0} 要有结尾，而 --follow 没有结尾",
    "use --format jsonl": "请用 --format jsonl",
    "no image {0} was ever seen": "从未见过镜像 {0}",
    "`syncd images --all` lists all that were": "`syncd images --all` 列出所有见过的镜像",
    "account {0} is not configured": "没有配置账号 {0}",
    "accounts: {0}": "账号：{0}",
    "accounts: none": "账号：无",
    "there is no sink {0}": "没有接收端 {0}",
    "sink {0} is not configured": "没有配置接收端 {0}",
    "sinks: {0}": "接收端：{0}",
    "sinks: none": "接收端：无",
    "sinks of {0}: {1}": "{0:text} 里的接收端：{1}",
    "sinks of {0}: none": "{0:text} 里的接收端：无",
    "`syncd sinks list` shows those that are": "`syncd sinks list` 列出已配置的接收端",
    "{0} is not watched": "没有监控 {0}",
    "region {0} is not watched": "没有监控地域 {0}",
    "`syncd status` lists the targets": "`syncd status` 列出所有目标",
    "`syncd status` lists the targets, `syncd regions` what the API has": (
        "`syncd status` 列出所有目标，`syncd regions` 列出接口的地域"
    ),
    "which events are to be sent again?": "要重放哪些事件？",
    "give one of --since, --event and --dead": "请给出 --since、--event、--dead 之一",
    "--until needs a beginning": "--until 需要起点",
    "give --since with it": "请同时给出 --since",
    "there is no event {0}": "没有事件 {0}",
    "`syncd events --format json` shows the ids": "`syncd events --format json` 显示各事件的 ID",
    # files
    "{0} exists; it was not touched": "{0} 已存在，未作改动",
    "name another PATH, or move it away first": "请换一个 PATH，或先把它移走",
    "{0} cannot be written: {1}": "无法写入 {0}：{1:text}",
    "name a PATH that you may write to": "请给出你有权写入的 PATH",
    "{0} exists already; nothing was written": "{0} 已存在，没有写入任何内容",
    "choose another name, or move it away": "请换一个名称，或把它移走",
    "cannot go on: {0}": "无法继续：{0:text}",
    "cannot read {0}: {1}": "无法读取 {0}：{1:text}",
    "cannot open {0}: {1}": "无法打开 {0}：{1:text}",
    "cannot write to {0}: {1}": "无法写入 {0}：{1:text}",
    "cannot make the folder {0}: {1}": "无法创建目录 {0}：{1:text}",
    "cannot write the backup {0}: {1}": "无法写入备份 {0}：{1:text}",
    "cannot make the backup of {0}: {1}": "无法备份 {0}：{1:text}",
    "see that {0} exists, has room, and may be written by this user": "请确认 {0} 存在、有空间，且当前用户有权写入",
    "the disk is full: free some space or inodes on that file system": "磁盘已满：请在该文件系统上腾出空间或 inode",
    "the user's quota is used up: free some space, or have the quota raised": (
        "用户的磁盘配额已用完：请腾出空间，或提高配额"
    ),
    "the file system is read-only: mount it for writing (after a disk error, check it first); a systemd unit with"
    " ProtectSystem=strict needs ReadWritePaths= for the folder": (
        "文件系统只读：请以可写方式挂载（若出过磁盘错误，请先检查）"
    ),
    "the disk reports errors: `dmesg` says more; check the file system's health": (
        "磁盘报告错误：`dmesg` 有更多信息；请检查文件系统"
    ),
    "syncd has too many files open: raise its limit (LimitNOFILE= in the unit, `ulimit -n`)": (
        "syncd 打开的文件过多：请提高上限（服务单元的 LimitNOFILE=，或 `ulimit -n`）"
    ),
    "the machine has too many files open: stop the program that opens so many, or raise fs.file-max": (
        "本机打开的文件过多：请结束占用文件的程序，或提高 fs.file-max"
    ),
    "the machine has no memory left: stop the program that uses it up": "本机内存耗尽：请结束占用内存的程序",
    "the file system does not support locks: put the file on a local disk (`database.path`)": (
        "文件系统不支持锁：请把文件放在本地磁盘上（`database.path`）"
    ),
    # the database
    "{0} does not exist": "{0} 不存在",
    "start `syncd run`, or name the file with --db": "请运行 `syncd run`，或用 --db 指定文件",
    "{0} is there; --db {1} reads it": "{0} 存在；用 --db {1} 可以读取",
    "{0} is a folder, not a file": "{0} 是目录，不是文件",
    "name the file in it, such as {0}": "请指定其中的文件，例如 {0}",
    "{0} was replaced by another file while it was open; nothing was written to either": (
        "{0} 在使用中被换成了另一个文件；两个文件都没有写入"
    ),
    "restart syncd to use the new file; stop it first whenever you put back a backup": (
        "重启 syncd 以使用新文件；恢复备份之前请先停止 syncd"
    ),
    "{0}: SQLite gave up the transaction after an error inside it; nothing was saved": (
        "{0}：SQLite 在出错后放弃了事务；没有保存任何内容"
    ),
    "no migrations beside {0}": "{0} 旁边没有迁移脚本",
    "install syncd again": "请重新安装 syncd",
    "Python's SQLite is {0}; syncd needs 3.37 or newer": "Python 自带的 SQLite 是 {0}；syncd 需要 3.37 或更新的版本",
    "install a Python that brings a newer SQLite (Debian 12, Ubuntu 22.10 and python.org's do)": (
        "请安装带有更新版 SQLite 的 Python（Debian 12、Ubuntu 22.10 和 python.org 的都可以）"
    ),
    "{0} is a SQLite database, but not one of syncd; nothing was changed": (
        "{0} 是 SQLite 数据库，但不是 syncd 的；未作任何改动"
    ),
    "point `database.path` (or --db) at another file": "请让 `database.path`（或 --db）指向另一个文件",
    "{0} is syncd's, but does not say which schema it has; nothing was changed": (
        "{0} 是 syncd 的数据库，但没有结构版本；未作任何改动"
    ),
    "put back a backup (syncd.db.backup-…) or move the file away to start from nothing": (
        "请恢复备份（syncd.db.backup-…），或移走该文件重新开始"
    ),
    "{0} was written by a newer syncd (schema {1}; this one knows {2})": (
        "{0} 由更新版的 syncd 写入（结构 {1}；本程序只认识 {2}）"
    ),
    "upgrade syncd": "请升级 syncd",
    "{0} says that it has schema {1}, which never existed; nothing was changed": (
        "{0} 的结构版本是 {1}，从未有过这个版本；未作任何改动"
    ),
    "{0} is empty: nothing was ever synced into it": "{0} 是空的：从未同步过",
    "start `syncd run`": "请运行 `syncd run`",
    "{0} has schema {1}; this syncd needs {2}": "{0} 的结构是 {1}；本程序需要 {2}",
    "run `syncd db upgrade`, or let `syncd run` do it": "请运行 `syncd db upgrade`，或由 `syncd run` 升级",
    "{0} is in use by {1}": "{0} 正由{1:text}使用",
    "{0} is in use by {1} since {2}": "{0} 正由{1:text}使用，始于 {2}",
    "a syncd daemon (pid {0})": " syncd 守护进程（pid {0}）",
    "another syncd command (pid {0})": "另一个 syncd 命令（pid {0}）",
    "stop it first, or wait for it to end": "请先停止它，或等它结束",
    "{0} did not begin this within {1} s; nothing was done": "{0:text}在 {1} 秒内没有开始处理；没有执行任何操作",
    "see what it is busy with (`syncd status`, its log), and try again": (
        "请看它在忙什么（`syncd status` 和日志），然后重试"
    ),
    "request {0} is no longer in {1}: the file was replaced or restored meanwhile": (
        "请求 {0} 已不在 {1} 里：期间文件被替换或恢复过"
    ),
    "look at `syncd status`, and try again": "请看 `syncd status`，然后重试",
    "cannot upgrade {0}: {1} ({2})": "无法升级 {0}：{1:text}（{2}）",
    "cannot read {0}: {1} ({2})": "无法读取 {0}：{1:text}（{2}）",
    "cannot open {0}: {1} ({2})": "无法打开 {0}：{1:text}（{2}）",
    "cannot write to {0}: {1} ({2})": "无法写入 {0}：{1:text}（{2}）",
    "cannot close {0}: {1} ({2})": "无法关闭 {0}：{1:text}（{2}）",
    "cannot write the backup {0}: {1} ({2})": "无法写入备份 {0}：{1:text}（{2}）",
    "cannot ask the daemon through {0}: {1} ({2})": "无法通过 {0} 请求守护进程：{1:text}（{2}）",
    "cannot read the daemon's answer from {0}: {1} ({2})": "无法从 {0} 读取守护进程的应答：{1:text}（{2}）",
    "cannot take back a request from {0}: {1} ({2})": "无法从 {0} 撤回请求：{1:text}（{2}）",
    "another program keeps it locked": "被另一个程序锁住",
    "it cannot be written": "无法写入",
    "access was denied": "没有权限",
    "it cannot be opened": "无法打开",
    "the disk is full": "磁盘已满",
    "the disk reports an input/output error": "磁盘读写错误",
    "it is damaged": "文件已损坏",
    "it is not a SQLite database": "不是 SQLite 数据库",
    "check the file system's free space, quota and health": "请检查文件系统的空间、配额和健康状况",
    "stop syncd, run `syncd db check`, and put back the newest backup (PATH.backup-…) or move the file away": (
        "请停止 syncd，运行 `syncd db check`，然后恢复最新的备份（PATH.backup-…）或移走该文件"
    ),
    "run as the user that owns the file, or fix its permissions and those of its folder": (
        "请以文件的所有者身份运行，或修正文件及其目录的权限"
    ),
    "close other programs that write to the file (a sqlite3 shell with an open transaction?)": (
        "请关闭写入该文件的其他程序（是否有 sqlite3 终端未结束事务？）"
    ),
    "{0}: {1} problem": "{0}：{1} 个问题",
    "{0}: {1} problems": "{0}：{1} 个问题",
    "put back a backup (`syncd db backup` makes them), and report this": (
        "请恢复备份（由 `syncd db backup` 生成），并报告此问题"
    ),
    # the API: what to do; most of what happened is in chinese_errors
    "no connection: {0}": "无法建立连接：{0:text}",
    "no connection": "无法建立连接",
    "the proxy cannot be reached: {0}": "无法连接代理：{0:text}",
    "TLS failed: {0}": "加密连接失败：{0:text}",
    "{0} cannot be read as certificates: {1}": "无法把 {0} 读作证书：{1:text}",
    "the API lists no region": "接口没有给出任何地域",
    "nothing to do unless it lasts": "若不持续，无需处理",
    "nothing to do unless it lasts; then check the network, api.base_url and api.proxy": (
        "若不持续，无需处理；若持续，请检查网络、api.base_url 和 api.proxy"
    ),
    "nothing to do: syncd asks again whose key it is": "无需处理：会再次询问密钥属于哪个账号",
    "nothing was sent; nothing to do": "没有发送任何内容，无需处理",
    "`syncd regions` asks it again": "`syncd regions` 可再次询问",
    "check that api.base_url is a CompShare gateway": "请确认 api.base_url 是 CompShare 的接口地址",
    "check that api.base_url is a CompShare gateway and no proxy answers in its place": (
        "请确认 api.base_url 是 CompShare 的接口地址，而不是由代理代为应答"
    ),
    "check api.base_url": "请检查 api.base_url",
    "check api.proxy": "请检查 api.proxy",
    "check api.base_url and api.proxy": "请检查 api.base_url 和 api.proxy",
    "check the clock, or set api.ca_file": "请检查时钟，或设置 api.ca_file",
    "fix api.ca_file": "请修正 api.ca_file",
    "fix api.base_url or api.proxy": "请修正 api.base_url 或 api.proxy",
    "put them into api.proxy": "请写入 api.proxy",
    "lower api.rate or lengthen schedule.interval if it lasts": "若持续，请降低 api.rate 或加长 schedule.interval",
    "the code is not known; if it lasts, report it with this message": "未知的返回码；若持续，请连同本消息一起报告",
    "check private_key, and that api.base_url is the gateway this key belongs to": (
        "请检查 private_key，并确认 api.base_url 是该密钥所属的接口地址"
    ),
    "check public_key": "请检查 public_key",
    "check the key pair and its permissions in the console": "请在控制台检查密钥对及其权限",
    "check regions and project_id of the account": "请检查该账号的 regions 和 project_id",
    "this key may not use the region; leave it out of regions, or have the permission granted": (
        "该密钥无权使用此地域；请从 regions 中去掉，或申请权限"
    ),
    "the key is tied to other IP addresses; allow this machine's in the console": (
        "密钥绑定了其他 IP 地址；请在控制台允许本机的地址"
    ),
    "the account is locked for security; unlock it in the console": "账号因安全原因被锁定；请在控制台解锁",
    "grant the key the permission in IAM; a sub-account must set project_id": (
        "请在 IAM 中授予该密钥权限；子账号必须设置 project_id"
    ),
    "check project_id; `syncd regions` and the console show what the key can use": (
        "请检查 project_id；`syncd regions` 和控制台会显示该密钥可用的项目"
    ),
    # the daemon
    "database.path and group_readable are read only at the start": "database.path 和 group_readable 只在启动时读取",
    "restart syncd to change them": "重启 syncd 后生效",
    "cannot listen on {0}:{1}: {2}": "无法监听 {0}:{1}：{2:text}",
    "choose another [http] listen": "请修改 [http] listen",
    # deliveries
    "disabled by hand": "已手动停用",
    "not delivered for as long as events are kept": "在事件保留期内未能投递",
    "the template: {0}": "消息模板：{0}",
    "there is no type of event {0}": "没有事件类型 {0}",
    "there are {0}": "已有：{0}",
    "there is no account {0}": "没有账号 {0}",
    "there is no region {0}": "没有地域 {0}",
    "there is no status {0}": "没有状态 {0}",
    "there is no type of image {0}": "没有镜像类型 {0}",
    "there is no GPU {0}": "没有 GPU {0}",
    "did you mean {0}? there are {1}": "是不是 {0}？已有：{1}",
    "{0} images of {1} targets are held: {2}. Nothing was released": (
        "{1} 个目标共有 {0} 个镜像暂缓通报：{2}。没有确认任何一个"
    ),
    "release one target with `syncd held release {0}`, or all of them with --all": (
        "用 `syncd held release {0}` 确认其中一个目标，或用 --all 确认全部"
    ),
    "{0} is a device or a pipe, not a file": "{0} 是设备或管道，不是文件",
    "name an ordinary file": "请指定普通文件",
    "this command needs only the database: name it with --db, as in --db {0}": (
        "本命令只需要数据库：请用 --db 指定，例如 --db {0}"
    ),
    "this command needs only the database: name it with --db, as in --db {0} ({1})": (
        "本命令只需要数据库：请用 --db 指定，例如 --db {0}（{1:text}）"
    ),
    "check [heartbeat] url from this machine": "请在本机检查 [heartbeat] url",
    "this is a folder: name a file in it": "这是目录：请指定其中的文件",
    "check the path (`database.path`)": "请检查路径（`database.path`）",
    "the new key's list of {0} could not be read completely": "未能完整读取新密钥在 {0} 的列表",
    "free some space on that file system; a running daemon continues by itself": (
        "请在该文件系统上腾出空间；运行中的守护进程会自行恢复"
    ),
    "you are the user {0}: run the command with `sudo`": "你是用户 {0}：请用 `sudo` 运行该命令",
    "even root was refused at {0}: look at its attributes (`lsattr -d`) and at its mount": (
        "连 root 也被 {0} 拒绝：请查看其属性（`lsattr -d`）和挂载方式"
    ),
    "{0} is yours, but its mode is {1}: chmod u+rwX {2}": "{0} 属于你，但权限是 {1}：chmod u+rwX {2}",
    "{0} belongs to {1}, and you are {2}: run the command with {3}": "{0} 属于 {1}，而你是 {2}：请用 {3} 运行该命令",
    "{0} belongs to {1}, and you are {2}: run the command with {3}; if {4} is the user of the service, let it write"
    " there: chown {5} {6}": (
        "{0} 属于 {1}，而你是 {2}：请用 {3} 运行该命令；如果 {4} 是服务的用户，请让它有权写入：chown {5} {6}"
    ),
    "{0} belongs to {1}, and you are {2}: run the command with {3}, or become a member of the group {4}": (
        "{0} 属于 {1}，而你是 {2}：请用 {3} 运行该命令，或加入用户组 {4}"
    ),
    "{0} (the folder {1} does not exist)": "{0:text}（目录 {1} 不存在）",
    "{0} ({1} is not a folder)": "{0:text}（{1} 不是目录）",
}
