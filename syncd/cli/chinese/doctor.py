"""What `syncd doctor` finds, and what `syncd status` says of the health."""

DOCTOR = {
    "configuration": "配置",
    "account {0}": "账号 {0}",
    "clock": "时钟",
    "database": "数据库",
    "permissions": "权限",
    "file system": "文件系统",
    "disk space": "磁盘空间",
    "last sync": "最近同步",
    "deliveries": "投递",
    "service": "服务",
    "credentials": "凭据",
    "sink {0}": "接收端 {0}",
    "sync interval": "同步间隔",
    # the API
    "{0}, accounts: {1}": "{0:text}，账号：{1}",
    "the API did not list its regions: {0}": "接口没有给出地域：{0:text}",
    "the key works, and may list {0}": "密钥有效，可读取 {0}",
    "there is no region that this key may list": "该密钥没有可读取的地域",
    "check the key pair, [api] base_url and the network": "请检查密钥对、[api] base_url 和网络",
    "{0} is not watched: {1}": "没有监控 {0}：{1:text}",
    "list the regions to watch in [accounts.{0}] regions, or have this one permitted": (
        "请在 [accounts.{0}] regions 中写明要监控的地域，或申请权限"
    ),
    "agrees with the API's clock within {0} s": "与接口的时钟相差不超过 {0} 秒",
    "{0} s behind the API's clock": "比接口的时钟慢 {0} 秒",
    "{0} s ahead of the API's clock": "比接口的时钟快 {0} 秒",
    "let systemd-timesyncd or chrony set it: the times of events come from this machine's clock": (
        "请用 systemd-timesyncd 或 chrony 校时：事件的时间取自本机时钟"
    ),
    # the database
    "{0} has the schema of this syncd": "{0} 的结构与本程序一致",
    "{0} does not exist yet": "{0} 尚不存在",
    "`syncd run` or `syncd sync` creates it": "`syncd run` 或 `syncd sync` 会创建它",
    "{0} cannot be written by this user": "当前用户无权写入 {0}",
    "{0} is open to others": "其他用户可以访问 {0}",
    "{0} can be written, and is closed to others": "{0} 可以写入，其他用户无法访问",
    "{0} can be written": "{0} 可以写入",
    "it is on a local disk": "本地文件系统，不是网络共享",
    "{0} is on a network file system ({1}), where SQLite's locks cannot be relied on": (
        "{0} 在网络文件系统（{1}）上，SQLite 的锁在那里不可靠"
    ),
    "move it to a local disk (`database.path`)": "请移到本地磁盘（`database.path`）",
    "only {0} MB are free where {1} is ({2} MB)": "{1}（{2} MB）所在之处只剩 {0} MB",
    "free some space: an upgrade first makes a copy of the file": "请腾出空间：升级前会先复制文件",
    "no more files can be made on the file system of {0}": "{0} 所在的文件系统无法再创建文件",
    "free some inodes": "请腾出 inode",
    "{0} GB free": "剩余 {0} GB",
    "see `syncd status` and the log for more": "`syncd status` 和日志有更多信息",
    "every target was read completely, the oldest {0} ago": "所有目标都已完整读取，最早的在{0:text}前",
    "every target was read completely": "所有目标都已完整读取",
    "nothing has waited for long": "没有长时间等待的事件",
    "a sync runs every {0}, as [schedule] asks for": "每{0:text}同步一次，符合 [schedule]",
    "a sync runs every {0}, but [schedule] promises one every {1}; regions count as stale in between": (
        "每{0:text}同步一次，而 [schedule] 要求每{1:text}一次；其间各地域会算作数据过期"
    ),
    "a sync runs every {0}, but [schedule] promises one every {1}": (
        "每{0:text}同步一次，而 [schedule] 要求每{1:text}一次"
    ),
    # the service
    "{0} is in place, but a daemon runs (pid {1}, since {2})": "{0} 已安装，守护进程在运行（pid {1}，始于 {2}）",
    "{0} is in place, but no daemon runs": "{0} 已安装，但没有守护进程在运行",
    "{0} is in place, a daemon runs (pid {1}, since {2})": "{0} 已安装，守护进程在运行（pid {1}，始于 {2}）",
    "{0} is in place, no daemon runs": "{0} 已安装，没有守护进程在运行",
    "no systemd unit, a daemon runs (pid {0}, since {1})": (
        "没有 systemd 服务单元，守护进程在运行（pid {0}，始于 {1}）"
    ),
    "no systemd unit, no daemon runs": "没有 systemd 服务单元，没有守护进程在运行",
    "install systemd/syncd.service, see the README": "请安装 systemd/syncd.service，见 README",
    "no systemd unit, a daemon runs (pid {0}, since {1}); `syncd sync` from cron needs neither": (
        "没有 systemd 服务单元，守护进程在运行（pid {0}，始于 {1}）；用 cron 运行 `syncd sync` 时两者都不需要"
    ),
    "no systemd unit, no daemon runs; `syncd sync` from cron needs neither": (
        "没有 systemd 服务单元，没有守护进程在运行；用 cron 运行 `syncd sync` 时两者都不需要"
    ),
    "{0} changed after the service started": "{0} 在服务启动后有改动",
    "have not changed since the service started": "自服务启动后没有改动",
    # sinks
    "writes to stdout": "写到标准输出",
    "the receiver cannot be reached: {0}": "无法连接接收端：{0:text}",
    "check its url and the network; `syncd sinks test {0}` shows what it answers": (
        "请检查地址和网络；`syncd sinks test {0}` 可查看它的应答"
    ),
    "the proxy can be reached (`syncd sinks test {0}` shows what it answers)": (
        "可以连接代理（`syncd sinks test {0}` 可查看接收端的应答）"
    ),
    "the receiver can be reached (`syncd sinks test {0}` shows what it answers)": (
        "可以连接接收端（`syncd sinks test {0}` 可查看它的应答）"
    ),
    "reading may work; for commands that write: {0}": "读取可能不受影响；写入的命令：{0:text}",
    "{0} is in place; whether a daemon runs cannot be seen: {1}": (
        "{0} 已安装；无法得知是否有守护进程在运行：{1:text}"
    ),
    "no systemd unit; whether a daemon runs cannot be seen: {0}": (
        "没有 systemd 服务单元；无法得知是否有守护进程在运行：{0:text}"
    ),
    'set [schedule] interval = "{0}h", or cron to the line that starts `syncd sync`': (
        '请设置 [schedule] interval = "{0}h"，或用 cron 按此频率运行 `syncd sync`'
    ),
    'set [schedule] interval = "{0}m", or cron to the line that starts `syncd sync`': (
        '请设置 [schedule] interval = "{0}m"，或用 cron 按此频率运行 `syncd sync`'
    ),
    "the service would write {0} into a /tmp of its own, because of PrivateTmp=yes": (
        "由于 PrivateTmp=yes，服务会把 {0} 写到它自己的 /tmp 里"
    ),
    "use a path under {0}": "请使用 {0} 下的路径",
    "the service may not write {0}, because its unit has ProtectHome={1}": (
        "服务无法写入 {0}，因为服务单元设置了 ProtectHome={1}"
    ),
    "the service may not write {0}, because its unit has ProtectSystem={1}": (
        "服务无法写入 {0}，因为服务单元设置了 ProtectSystem={1}"
    ),
    "add [Service] ReadWritePaths={0} in a drop-in (`systemctl edit syncd`), make that folder for the user {1}, and"
    " restart; or use a path under {2}": (
        "请用 `systemctl edit syncd` 添加 [Service] ReadWritePaths={0}，为用户 {1} 创建该目录并重启；或使用 {2} "
        "下的路径"
    ),
    "the service's user {0} may not write {1}, because of the owner and mode of {2}": (
        "服务的用户 {0} 无权写入 {1}，原因是 {2} 的所有者和权限"
    ),
    "account {0} has no target": "账号 {0} 没有监控目标",
    "account {0} has no target: {1}": "账号 {0} 没有监控目标：{1:text}",
    "account {0}: sync fails ({1}), and has not recovered": "账号 {0}：同步失败（{1:text}），尚未恢复",
    "account {0}: sync fails ({1}), and has not recovered: {2}": "账号 {0}：同步失败（{1:text}），尚未恢复：{2:text}",
    "account {0}: sync fails ({1}) since {2} UTC, and has not recovered": (
        "账号 {0}：自 {2} UTC 起同步失败（{1:text}），尚未恢复"
    ),
    "account {0}: sync fails ({1}) since {2} UTC, and has not recovered: {3}": (
        "账号 {0}：自 {2} UTC 起同步失败（{1:text}），尚未恢复：{3:text}"
    ),
    "the last reload failed, so the old configuration is still in force: {0}": (
        "上次重新加载失败，仍使用旧配置：{0:text}"
    ),
    "{0} was never read whole": "从未完整读取 {0}",
    "{0} was never read whole: {1}": "从未完整读取 {0}：{1:text}",
    "{0} was last read when this machine's clock ran ahead": "上次读取 {0} 时本机时钟偏快",
    "{0} was last read when this machine's clock ran ahead: {1}": "上次读取 {0} 时本机时钟偏快：{1:text}",
    "{0} is stale since {1} UTC": "{0} 自 {1} UTC 起数据过期",
    "{0} is stale since {1} UTC: {2}": "{0} 自 {1} UTC 起数据过期：{2:text}",
    "sink {0} was disabled because its receiver is gone, {1} wait": "接收端 {0} 的地址失效，已停用，{1} 个事件在等待",
    "sink {0} was disabled because its receiver is gone, {1} wait: {2}": (
        "接收端 {0} 的地址失效，已停用，{1} 个事件在等待：{2:text}"
    ),
    "sink {0} has taken nothing for over an hour": "接收端 {0} 一小时以上没有收下任何事件",
    "sink {0} has taken nothing for over an hour: {1}": "接收端 {0} 一小时以上没有收下任何事件：{1:text}",
    "sink {0}: an event has waited since this machine's clock ran ahead": (
        "接收端 {0}：自本机时钟偏快时起有事件在等待"
    ),
    "sink {0}: an event has waited since this machine's clock ran ahead: {1}": (
        "接收端 {0}：自本机时钟偏快时起有事件在等待：{1:text}"
    ),
    "sink {0}: an event has waited for {1} h": "接收端 {0}：有事件已等待 {1} 小时",
    "sink {0}: an event has waited for {1} h: {2}": "接收端 {0}：有事件已等待 {1} 小时：{2:text}",
    "{0} failed once": "{0} 失败一次",
    "{0} failed once: {1}": "{0} 失败一次：{1:text}",
    "{0} failed {1} times in a row": "{0} 连续失败 {1} 次",
    "{0} failed {1} times in a row: {2}": "{0} 连续失败 {1} 次：{2:text}",
    "regions of {0} are unknown": "{0} 的地域未知",
    "regions of {0} are unknown: {1}": "{0} 的地域未知：{1:text}",
    "{0} held in {1}: `syncd held list {2}` shows them": "{1} 有 {0} 个镜像暂缓通报：`syncd held list {2}` 可查看",
    "sink {0} is disabled, {1} wait": "接收端 {0} 已停用，{1} 个事件在等待",
    "sink {0} is away": "接收端 {0} 无法连接",
    "sink {0} is away: {1}": "接收端 {0} 无法连接：{1:text}",
    "sink {0} was away, and has taken nothing since it was enabled": (
        "接收端 {0} 曾无法连接，启用后还没有收下任何事件"
    ),
    "sink {0} has refused 1 event; it is tried again": ("接收端 {0} 拒收 1 个事件，将重试"),
    "sink {0} has refused 1 event; it is tried again: {1}": ("接收端 {0} 拒收 1 个事件，将重试：{1:text}"),
    "sink {0} has refused 1 event since {1} UTC; it is tried again": (
        "接收端 {0} 自 {1} UTC 起 拒收 1 个事件，将重试"
    ),
    "sink {0} has refused 1 event since {1} UTC; it is tried again: {2}": (
        "接收端 {0} 自 {1} UTC 起 拒收 1 个事件，将重试：{2:text}"
    ),
    "sink {0} has refused {1} events; they are tried again": ("接收端 {0} 拒收 {1} 个事件，将重试"),
    "sink {0} has refused {1} events; they are tried again: {2}": (
        "接收端 {0} 拒收 {1} 个事件，将重试：{2:text}"
    ),
    "sink {0} has refused {1} events since {2} UTC; they are tried again": (
        "接收端 {0} 自 {2} UTC 起 拒收 {1} 个事件，将重试"
    ),
    "sink {0} has refused {1} events since {2} UTC; they are tried again: {3}": (
        "接收端 {0} 自 {2} UTC 起 拒收 {1} 个事件，将重试：{3:text}"
    ),
    "sink {0} has {1} dead (given up)": "接收端 {0} 有 {1} 个事件已放弃",
    "sink {0} has {1} dead (given up): {2}": "接收端 {0} 有 {1} 个事件已放弃：{2:text}",
}
