"""What commands print: headings, what happened, what they did, questions, progress."""

OUTPUT = {
    "account": "账号",
    "accounts": "账号",
    "region": "地域",
    "regions": "地域",
    "image": "镜像",
    "images": "镜像",
    "name": "名称",
    "status": "状态",
    "state": "状态",
    "type": "类型",
    "shared by": "共享者",
    "size": "大小",
    "environment": "环境",
    "price": "价格",
    "since": "始于",
    "shared at": "共享时间",
    "changed": "变化于",
    "last seen": "最近出现",
    "event": "事件",
    "sink": "接收端",
    "attempts": "尝试",
    "next": "下次",
    "next try": "下次重试",
    "finished": "完成于",
    "error": "错误",
    "seq": "序号",
    "when": "时间",
    "where": "位置",
    "what": "内容",
    "missing": "缺失",
    "syncs": "同步次数",
    "kept until": "暂缓至",
    "watched": "已监控",
    "usable": "可用",
    "target": "目标",
    "outcome": "结果",
    "listed": "读到",
    "news": "变化",
    "waiting": "待投递",
    "oldest": "最早",
    "refused": "拒收",
    "last complete": "最近完整同步",
    "why it failed": "失败原因",
    "author": "作者",
    "made on": "制作机型",
    "applications": "应用",
    "image price": "镜像价格",
    "version": "版本",
    "container": "容器镜像",
    "visibility": "可见性",
    "group": "版本组",
    "tags": "标签",
    "created": "创建于",
    "published": "发布于",
    "first seen": "首次出现",
    "description": "描述",
    "free": "免费",
    "in {0}": "{0:text}后",
    "{0} ago": "{0:text}前",
    "now": "现在",
    "never": "从未",
    "yes": "是",
    "no": "否",
    "shared": "新共享",
    "shared again": "再次共享",
    "shared (known when the watch began)": "新共享（开始监控时已存在）",
    "shared again (known when the watch began)": "再次共享（开始监控时已存在）",
    "revoked": "取消共享",
    " (missing)": "（缺失）",
    "watching {0} images in {1}": "开始监控 {1} 的 {0} 个镜像",
    "watching {0} images in {1} regions": "开始监控 {1} 个地域的 {0} 个镜像",
    "{0} of {1} are missing; kept until {2}": "{1} 个中缺失 {0} 个；暂缓通报至 {2}",
    "{0}: {1} came back, {2} revoked": "{0:text}：{1} 个恢复，{2} 个取消共享",
    "well again after {0}": "已恢复，历时{0:text}",
    "{0} event given up: {1}": "{0} 个事件已放弃：{1:text}",
    "{0} events given up: {1}": "{0} 个事件已放弃：{1:text}",
    # empty or cut off
    "nothing yet: no target is known; `syncd sync` or `syncd run` reads the lists": (
        "还没有内容：尚无监控目标；`syncd sync` 或 `syncd run` 会读取列表"
    ),
    "nothing yet: no list has been read completely; `syncd status` says why": (
        "还没有内容：尚未完整读取过列表；`syncd status` 会说明原因"
    ),
    "nothing matches": "没有匹配的内容",
    "nothing to show": "没有内容",
    "{0} of {1} images; --limit 0 lists all": "显示 {0} 个，共 {1} 个镜像；--limit 0 列出全部",
    "{0} of {1} events; --limit 0 lists all": "显示 {0} 个，共 {1} 个事件；--limit 0 列出全部",
    "{0} of {1} runs; --limit 0 lists all": "显示 {0} 次，共 {1} 次同步；--limit 0 列出全部",
    "{0} of {1} deliveries; --limit 0 lists all": "显示 {0} 条，共 {1} 条投递；--limit 0 列出全部",
    "! {0}": "! {0:text}",
    "warning: {0}": "警告：{0:text}",
    "warning: {0} (`syncd config check` lists them); reading {1}": (
        "警告：{0:text}（`syncd config check` 会列出）；改为读取 {1}"
    ),
    "database: {0}": "数据库：{0}",
    "not running": "没有在运行",
    "running: pid {0}": "正在运行：pid {0}",
    "running: pid {0}, since {1}": "正在运行：pid {0}，始于{1:text}",
    "another command works on the file: pid {0}": "另一个命令正在使用该文件：pid {0}",
    "another command works on the file: pid {0}, since {1}": "另一个命令正在使用该文件：pid {0}，始于{1:text}",
    "unhealthy: {0}": "异常：{0:text}",
    "healthy: every target is fresh, no alert is open, no delivery is overdue": (
        "正常：所有目标的数据都是最新的，没有未解除的告警，没有逾期的投递"
    ),
    "nothing was ever synced into this file: `syncd sync` or `syncd run` does it": (
        "从未同步到这个文件：请运行 `syncd sync` 或 `syncd run`"
    ),
    "fresh": "最新",
    "stale": "过期",
    "fresh, {0} failed": "最新，{0} 次失败",
    "stale, {0} failed": "过期，{0} 次失败",
    # sinks
    "no sink yet: add [sinks.NAME] to the configuration, then `syncd run` or `syncd sync`": (
        "还没有接收端：请在配置里添加 [sinks.NAME]，然后运行 `syncd run` 或 `syncd sync`"
    ),
    "gone from the configuration": "已从配置中删除",
    "{0} is enabled": "{0} 已启用",
    "{0} is disabled; what it would get waits until `syncd sinks enable {1}`": (
        "{0} 已停用；期间的事件会等待，直到 `syncd sinks enable {1}`"
    ),
    "{0} is disabled: they wait until `syncd sinks enable {1}`": (
        "{0} 已停用：事件会等待，直到 `syncd sinks enable {1}`"
    ),
    "{0} event to {1} again": "已向 {1} 重放 {0} 个事件",
    "{0} events to {1} again": "已向 {1} 重放 {0} 个事件",
    "nothing to send again": "没有可重放的事件",
    "a test writes nothing to {0}; it would add:": "测试不会写入 {0}；将会追加：",
    "✓  this user ({0}) can write it; the service may run as another one": (
        "✓  当前用户（{0}）可以写入；服务可能以其他用户运行"
    ),
    "✗  this user ({0}) cannot write it: {1}": "✗  当前用户（{0}）无法写入：{1:text}",
    "the rest is not tried": "其余不再尝试",
    # held
    "{0}/{1}  {2} revoked": "{0}/{1}  已确认取消 {2} 个",
    "nothing is held": "没有暂缓通报的镜像",
    "nothing that is held matches": "暂缓通报的镜像中没有匹配的",
    "if those of {0} are really gone: syncd held release {1}": "若 {0} 的镜像确已取消共享：syncd held release {1}",
    "These images would be called revoked now, without asking the API again:": (
        "将立即确认以下镜像已取消共享，不再询问接口："
    ),
    "Release {0} images of {1} targets?": "确认 {1} 个目标的 {0} 个镜像已取消共享？",
    "  (baseline: silent)": "  （首次读取：不通报）",
    # config, db
    "next: edit it, then `syncd --config {0} config check`": (
        "下一步：编辑它，然后运行 `syncd --config {0} config check`"
    ),
    "{0}: ok": "{0:text}：没有问题",
    "{0} account": "{0} 个账号",
    "{0} accounts": "{0} 个账号",
    "{0} sink": "{0} 个接收端",
    "{0} sinks": "{0} 个接收端",
    " ({0})": "（{0}）",
    "{0} has schema {1}: nothing to do": "{0} 的结构已是 {1}，无需升级",
    "{0} has schema {1} now": "{0} 已升级到结构 {1}",
    "{0} has schema {1} now; the backup is {2}": "{0} 已升级到结构 {1}；备份为 {2}",
    "{0} is sound; its events add up to exactly its images": "{0} 完好；重放事件得到的正好是当前的镜像",
    "{0} is a copy of {1}, {2} MB": "已将 {1} 备份到 {0}，{2} MB",
    "nothing is old enough to be removed": "没有到期需要清理的数据",
    "nothing is removed before {0}: a wrong clock must not make anything expire, so the clock must have been seen"
    " steady for a day first; `syncd run`, `syncd sync` and this command look at it": (
        "{0} 之前不作清理：不能因时钟错误让数据过期，因此时钟须先稳定一天；`syncd run`、`syncd sync` 和本命令都会"
        "检查时钟"
    ),
    "{0} events removed": "清理 {0} 个事件",
    "{0} deliveries removed": "清理 {0} 条投递",
    "{0} deliveries given up": "放弃 {0} 条投递",
    "{0} deliveries of absent sinks skipped": "跳过已删除接收端的 {0} 条投递",
    "delivery": "投递",
    "fold": "重放",
    "damage": "损坏",
    "schema": "结构",
    "event {0}": "事件 {0}",
    "event {0} for {1}": "投递到 {1} 的事件 {0}",
    "is missing": "缺失",
    "there is no such event": "没有这个事件",
    "is not live, but event {0} told that it is": "不在当前镜像之中，但事件 {0} 表明它在",
    "its body is not a JSON object with `data`": "内容不是带有 `data` 的 JSON 对象",
    "is live, but no event tells of it": "在当前镜像之中，但没有对应的事件",
    "is not of syncd": "不属于 syncd",
    "its body says {0} {1}, not {2}": "内容中 {0} 是 {1}，而不是 {2}",
    "is live, but event {0} revoked it": "在当前镜像之中，但事件 {0} 已取消共享",
    "is not as this syncd made it": "与本程序创建的不同",
    "its {0} is not what event {1} told": "{0} 与事件 {1} 所述不同",
    "Syncing": "正在同步",
    "Syncing: {0} requests": "正在同步：{0} 次请求",
    "Syncing: {0} done, {1} images listed, {2} requests": "正在同步：完成 {0} 个，读到 {1} 个镜像，{2} 次请求",
    "Making a backup of {0} and upgrading it": "正在备份并升级 {0}",
    "Checking {0}": "正在检查 {0}",
    "Copying {0}": "正在复制 {0}",
    "Forgetting what is older than the retention": "正在清理超过保留期的数据",
    # the demo
    "A pretend CompShare serves {0}, with {1} images in each of {2} regions.": (
        "模拟的 CompShare 运行在 {0}：{2} 个地域，每个地域 {1} 个镜像。"
    ),
    "syncd watches it, every second, over HTTP.": "syncd 每秒通过 HTTP 查看一次。",
    "The end.": "演示结束。",
    "Stopped early: {0} of {1} scenes were played.": "提前停止：共 {1} 幕，演了 {0} 幕。",
    "A new account: what is shared already is a baseline, not news.": "新账号：已经共享的镜像只作记录，不算新消息。",
    "Somebody shares an image in all three regions: one message, not three.": (
        "有人在三个地域共享了一个镜像：只发一条消息，而不是三条。"
    ),
    "It is finished.": "镜像制作完成。",
    "It is taken away again. The list lacks it, a lookup by its id confirms it.": (
        "镜像又被取消共享。列表里没有它，按 ID 查询也证实了这一点。"
    ),
    "One region answers HTTP 502 for a while: the failure is announced once, and no image is called revoked.": (
        "一个地域有一阵返回 HTTP 502：故障只通知一次，也不会误报取消共享。"
    ),
    "The list of a region is suddenly empty, with success and TotalCount 0: nothing is called revoked yet.": (
        "一个地域的列表突然为空，返回成功且 TotalCount 为 0：暂不通报取消共享。"
    ),
    "It comes back.": "列表恢复了。",
    " by {0}": "，共享者 {0}",
    "{0}, after {1} s": "{0}，历时 {1} 秒",
    "{0}/{1}: {2} of {3} missing": "{0}/{1}：{3} 个中缺失 {2} 个",
    "{0}/{1}: {2}, {3} came back": "{0}/{1}：{2:text}，{3} 个恢复",
    "What was checked:": "检查结果：",
    "the {0} image events add up to exactly the {1} images in the database": (
        "重放 {0} 个镜像事件，得到的正好是数据库里的 {1} 个镜像"
    ),
    "the images in the database are those in the cloud": "数据库里的镜像与云端一致",
    "{0} images were reported as revoked, all of them correctly": "通报取消共享 {0} 个，全部属实",
    "The database is {0}. Look into it:": "数据库是 {0}，可以这样查看：",
    "To watch your own account next: syncd config init": "接下来监控你自己的账号：syncd config init",
    "Try next:": "接下来可以试试：",
    "the same, and the database is kept for you to look into": "再演示一次，并保留数据库供你查看",
    "a configuration for your own account": "为你自己的账号生成配置",
}
