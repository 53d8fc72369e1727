"""The help of the commands: what each does, its options, its examples, its exit codes."""

HELP = {
    # the program
    "Tells you the moment a GPU image is shared with your CompShare account, is taken away, or changes its status.": (
        "有 GPU 镜像共享给你的 CompShare 账号、被取消共享或者状态改变时，第一时间告诉你。"
    ),
    "Example:": "示例：",
    "Environment: SYNCD_CONFIG (the configuration file, without --config); COMPSHARE_PUBLIC_KEY and"
    " COMPSHARE_PRIVATE_KEY (a key pair, where there is no file).": (
        "环境变量：SYNCD_CONFIG（没有 --config 时的配置文件）；COMPSHARE_PUBLIC_KEY 和 COMPSHARE_PRIVATE_KEY（没"
        "有配置文件时的密钥对）。"
    ),
    "Exit code: 0 fine, 1 unexpected, 2 usage or configuration, 3 a target failed or was incomplete, 4 revocations"
    " are held, 5 the database cannot be used.": (
        "退出码：0 正常，1 意外错误，2 用法或配置有误，3 有目标同步失败或不完整，4 有取消共享暂缓通报，5 数据库无"
        "法使用。"
    ),
    "The configuration file.": "配置文件。",
    "How much is logged; debug also shows tracebacks.": "日志的详细程度；debug 还会显示调用栈。",
    # options that several commands have
    "How the output is written.": "输出格式。",
    "Use this database instead of the one that the configuration names.": "使用这个数据库，而不是配置里的那个。",
    "Only images of this account.": "只看该账号的镜像。",
    "Only images in this region.": "只看该地域的镜像。",
    # run, sync, demo
    "Run the daemon: watch every account and deliver what changes.": "运行守护进程：监控所有账号，投递变化。",
    "Watch every account and region on the schedule, and deliver what changes.": (
        "按计划监控所有账号和地域，投递变化。"
    ),
    "Signals: SIGHUP reloads the configuration. SIGTERM and SIGINT stop the daemon cleanly; a second one stops it"
    " at once.": ("信号：SIGHUP 重新加载配置。SIGTERM 和 SIGINT 正常停止守护进程；再收到一次则立即停止。"),
    "Sync every target once and end; made for cron.": "把所有目标同步一次，适合 cron。",
    "Sync every target once and deliver what is due: through the daemon if one runs, else in this process.": (
        "把所有目标同步一次，并投递到期的事件：守护进程在运行时由它完成，否则由本进程完成。"
    ),
    "every target once, as cron wants it": "把所有目标同步一次，适合 cron",
    "Exit code: 0 fine, 3 a target failed or was incomplete, 4 revocations are held, 5 the database cannot be used.": (
        "退出码：0 正常，3 有目标同步失败或不完整，4 有取消共享暂缓通报，5 数据库无法使用。"
    ),
    "Only sync this account.": "只同步该账号。",
    "Only sync this region.": "只同步该地域。",
    "Write nothing; list what would be announced.": "不写入任何内容，只列出将会通报什么。",
    "Show syncd at work on a pretend cloud; no account is needed.": "用模拟云演示 syncd，不需要账号。",
    "Environment: none; it reads no configuration.": "环境变量：无；不读取任何配置。",
    "End after this time at the latest [90s].": "最多运行多久 [90s]。",
    "Keep the database, and say how to look into it.": "保留数据库，并说明如何查看。",
    # images, events
    "List the images that are shared with you.": "列出共享给你的镜像。",
    "List the images that are shared with you: a line for each, the newest first.": (
        "列出共享给你的镜像：每个镜像一行，最新的在前。"
    ),
    "Only images that are shared with this account.": "只看共享给该账号的镜像。",
    "Only images with this status, such as Available.": "只看该状态的镜像，例如 Available（可用）。",
    "Only images whose name matches, such as '*pytorch*'.": "只看名称匹配的镜像，例如 '*pytorch*'。",
    "List what was taken away instead.": "改为列出已取消共享的镜像。",
    "List what was taken away as well.": "同时列出已取消共享的镜像。",
    "Print a line for each region of an image.": "镜像在每个地域各占一行。",
    "Show one image in each region, and its history.": "显示单个镜像在各地域的情况和历史。",
    "List what happened; --follow goes on as it happens.": "列出发生过的事件；加 --follow 则持续显示新事件。",
    "List what happened, the newest last.": "列出发生过的事件，最新的在后。",
    'Only events after this number, or since a time: "2026-11-20", or "2h" for two hours ago.': (
        "只看该序号之后、或某个时间以来的事件：“2026-11-20”，或“2h”（两小时前）。"
    ),
    'Only events of this type, such as "image.*"; may be given more than once.': (
        "只看该类型的事件，例如“image.*”；可以多次给出。"
    ),
    "Only events of this image.": "只看该镜像的事件。",
    "Keep running, and print each event as it is recorded, until Ctrl-C.": (
        "然后持续显示新记录的事件，直到按 Ctrl-C。"
    ),
    # status, runs, deliveries
    "Show whether syncd runs, is up to date and delivers.": "显示 syncd 是否在运行、数据是否最新、投递是否正常。",
    "Show at a glance whether syncd runs, how each target and sink does, what is held, and a verdict.": (
        "一览 syncd 是否在运行、各目标和接收端的情况、暂缓通报的镜像，并给出结论。"
    ),
    "List the syncs and what each of them found.": "列出各次同步及其结果。",
    "List the syncs, the newest last. Complete syncs without news share a line that counts them.": (
        "列出各次同步，最新的在后。连续的、完整且没有变化的同步合为一行，并注明次数。"
    ),
    "Only syncs of this account.": "只看该账号的同步。",
    "Only syncs of this region.": "只看该地域的同步。",
    "Only syncs that ended like this.": "只看结果如此的同步。",
    "List what was sent, what waits, what was given up.": "列出已投递、待投递和已放弃的事件。",
    "List what was sent to the sinks, what waits and what was given up; the newest comes last.": (
        "列出各接收端已投递、待投递和已放弃的事件，最新的在后。"
    ),
    "Only deliveries to this sink.": "只看投递到该接收端的。",
    "Only deliveries in this state.": "只看处于该状态的投递。",
    # sinks
    "Manage the sinks: list, test, enable, disable, replay.": "管理接收端：查看、测试、启用、停用、重放。",
    "Look after the sinks: see how they do, test them, switch them off and on, send events again.": (
        "管理接收端：查看情况、测试、停用和启用、重放事件。"
    ),
    "List the sinks, and what waits for each of them.": "列出接收端，以及各自待投递的事件。",
    "List the sinks: the state of each, what waits for it, and its last error.": (
        "列出接收端：各自的状态、待投递的事件和最近一次错误。"
    ),
    "Exit code: 0 all were taken, 3 one was not.": "退出码：0 全部收下，3 有样例未被收下。",
    "Deliver to a sink again.": "恢复向接收端投递。",
    "Deliver to SINK again, and send at once what has been waiting for it.": (
        "恢复向接收端 SINK 投递，并立即发送待投递的事件。"
    ),
    "Deliver nothing to a sink for now.": "暂停向接收端投递。",
    "Deliver nothing to SINK until it is enabled again. What it would get waits.": (
        "暂停向接收端 SINK 投递，直到重新启用；期间的事件会等待。"
    ),
    "Send events again, under the same ids.": "重放事件，ID 不变。",
    "Send events to SINK again, under the same ids. A new sink gets those that its filters take.": (
        "向接收端 SINK 重放事件，ID 不变。新的接收端会得到符合其筛选条件的事件。"
    ),
    'From this event or time on: 4711, "2026-11-20", or "2h" for two hours ago.': (
        "从该事件或时间开始：4711、“2026-11-20”，或“2h”（两小时前）。"
    ),
    "With --since: only events that were observed before this time.": (
        "与 --since 同用：只重放在此时间之前观察到的事件。"
    ),
    "Only this event, whatever the filters of the sink say.": "只重放这个事件，不管接收端的筛选条件。",
    "Only events that were given up.": "只重放已放弃的事件。",
    # held, regions, doctor
    "List or release the revocations that the guard holds.": "查看暂缓通报的取消共享，或确认取消。",
    "List or release held images: many that were missing from a list at once, and so are not called revoked yet.": (
        "查看暂缓通报的镜像，或确认取消：它们同时从列表里大量消失，因此尚未按取消共享通报。"
    ),
    "List the images that are held.": "列出暂缓通报的镜像。",
    "List the images that the guard holds, and until when it keeps them.": "列出暂缓通报的镜像，以及暂缓到何时。",
    "Call the held images revoked now.": "立即确认取消。",
    "Ask the API which regions there are.": "询问接口有哪些地域。",
    "Ask the API which regions there are, which of them each key may list, and which of them syncd watches.": (
        "询问接口有哪些地域、每个密钥可以读取哪些、syncd 监控哪些。"
    ),
    "Exit code: 0 fine, 3 the API did not name the regions of an account.": (
        "退出码：0 正常，3 接口没有给出某个账号的地域。"
    ),
    "Only ask for this account.": "只询问该账号。",
    "Check keys, clock, database, sinks and the service.": "检查密钥、时钟、数据库、接收端和服务。",
    "Check configuration, keys, clock, regions, database, sinks and service, and say how to fix what is wrong.": (
        "检查配置、密钥、时钟、地域、数据库、接收端和服务，并说明如何修复。"
    ),
    "Exit code: 0 nothing failed, 2 the configuration, 3 the API, a sink or a target, 5 the database.": (
        "退出码：0 没有问题，2 配置有误，3 接口、接收端或目标有问题，5 数据库有问题。"
    ),
    # config, db, completion
    "Write, check or show the configuration.": "生成、检查或显示配置。",
    "Write a commented configuration to start from.": "生成一份带注释的配置。",
    "Write a commented configuration to PATH, which only you can read; no file is overwritten.": (
        "在 PATH 生成一份带注释的配置，只有你能读取；不会覆盖已有文件。"
    ),
    "Environment: SYNCD_CONFIG (the file, without PATH and --config); XDG_CONFIG_HOME.": (
        "环境变量：SYNCD_CONFIG（没有 PATH 和 --config 时的文件）；XDG_CONFIG_HOME。"
    ),
    "List every fault in the configuration at once, with how to fix it.": (
        "一次列出配置里的所有错误，并说明正确的写法。"
    ),
    "Exit code: 0 no fault, 2 faults (each on a line of its own).": "退出码：0 没有错误，2 有错误（每个一行）。",
    "Show the configuration that is in force, with all defaults, and with secrets masked.": (
        "显示生效的配置，包括所有默认值；密钥会遮盖。"
    ),
    "Manage the database: upgrade, check, backup, prune.": "管理数据库：升级、检查、备份、清理。",
    "Manage the database file: upgrade, check, backup, prune.": "管理数据库文件：升级、检查、备份、清理。",
    "Make a backup and bring the database to the schema of this program; `syncd run` does this too.": (
        "先备份，再把数据库升级到本程序的结构；`syncd run` 也会这样做。"
    ),
    "Run SQLite's own check, check the schema, and see whether the events add up to exactly the images.": (
        "运行 SQLite 自带的检查，核对结构，并验证重放事件得到的正好是当前的镜像。"
    ),
    "Exit code: 0 the database is sound, 5 it is not.": "退出码：0 数据库完好，5 有问题。",
    "Copy the database to FILE, as it is at one moment, while it may be in use.": (
        "把数据库某一时刻的内容复制到 FILE；使用中也可以备份。"
    ),
    "Remove what is older than the configured retention; the daemon does this every day.": (
        "清理超过保留期的数据；守护进程每天都会这样做。"
    ),
    "Set up completion of commands in your shell.": "让 shell 补全命令。",
    "Print the lines that make SHELL complete syncd's commands, options, accounts, regions, sinks and images.": (
        "输出让 SHELL 补全 syncd 命令和选项的脚本。"
    ),
    "in ~/.bashrc": "写入 ~/.bashrc",
    "in ~/.zshrc": "写入 ~/.zshrc",
    "in ~/.config/fish/config.fish": "写入 ~/.config/fish/config.fish",
    "List the images that are shared with you: a line for each, the newest first. Globs ignore case.": (
        "列出共享给你的镜像：每个镜像一行，最新的在前。通配符不区分大小写。"
    ),
    "Only images of owners whose id or name matches, such as '*zhang*'.": (
        "只看 ID 或名称匹配的共享者的镜像，例如 '*zhang*'。"
    ),
    "Only images made on such a GPU, such as '4090'.": "只看在该 GPU 上制作的镜像，例如 '4090'。",
    "Only images of this type, such as 'Custom'.": "只看该类型的镜像，例如 'Custom'（自制）。",
    "List at most so many, 0 for all. By default a table is cut off, and the other formats are complete.": (
        "最多列出多少条，0 表示全部。默认只有表格会截断，其他格式都是完整的。"
    ),
    "List what happened, the newest last. After a number (--since SEQ) no event is left out.": (
        "列出发生过的事件，最新的在后。从某个序号起（--since SEQ）不会漏掉任何事件。"
    ),
    "Only events of this account.": "只看该账号的事件。",
    "Only events of this region.": "只看该地域的事件。",
    "Only what changed for an account as a whole, or only what changed in one region besides.": (
        "只看整个账号的变化，或只看另外在单个地域的变化。"
    ),
    "Also list the images that were there when the watch of their region began.": (
        "同时列出开始监控该地域时已存在的镜像。"
    ),
    "Exit code: 0 healthy, 3 unhealthy (docs/operations.md says what that is), 4 images are held, 5 the database"
    " cannot be used.": (
        "退出码：0 正常，3 异常（见 docs/operations.md），4 有镜像暂缓通报，5 数据库无法使用。"
    ),
    "List the syncs, the newest last.": "列出各次同步，最新的在后。",
    "Send SINK a message that is marked as a test, and show the answer. Of a file it only shows what it would get.": (
        "向接收端 SINK 发送一条标明为测试的消息，并显示应答。如果是文件，只显示将会写入的内容。"
    ),
    "Send a sink a message that is marked as a test.": "向接收端发送一条标明为测试的消息。",
    "Send an event of this type; may be given more than once. all: each type that the sink takes.": (
        "发送该类型的事件；可以多次给出。all：接收端接收的每种类型。"
    ),
    "Call held images revoked now, without asking the API again: those of one account in one region, or more.": (
        "立即确认暂缓通报的镜像已取消共享，不再询问接口：可以是单个账号在单个地域的，也可以更多。"
    ),
    "Images of more than one target are released only after a question on a terminal, or with --all.": (
        "涉及多个目标时，须在终端确认，或加上 --all。"
    ),
    "Do not ask if this concerns several accounts or regions.": "涉及多个账号或地域时也不询问。",
}
