"""Words of fixed lists: states, outcomes, what a sync found, the names of an image's fields, times."""

from syncd.sinks.chat.chinese import CHINESE
from syncd.sinks.chat.chinese_errors import OS_TEXTS

WORDS = {
    **CHINESE.fields,
    **CHINESE.value_words["status"],
    **CHINESE.value_words["image_type"],
    # what the operating system says
    **OS_TEXTS,
    "No such file or directory": "文件或目录不存在",
    "Address already in use": "地址已被占用",
    "Is a directory": "是目录",
    "Not a directory": "不是目录",
    "Permission denied; {0}": "没有权限；{0:text}",
    "Operation not permitted": "操作不被允许",
    "Cannot assign requested address": "地址不可用",
    # outcomes of a sync, and what it found
    "complete": "完整",
    "incomplete": "不完整",
    "held": "暂缓",
    "failed": "失败",
    "{0} listed": "读到 {0} 个",
    "{0} shared": "新共享 {0} 个",
    "{0} revoked": "取消共享 {0} 个",
    "{0} status changed": "状态变化 {0} 个",
    "{0} updated": "信息更新 {0} 个",
    "{0} held": "暂缓 {0} 个",
    # states of deliveries and sinks
    "pending": "待投递",
    "delivered": "已投递",
    "dead": "已放弃",
    "skipped": "已跳过",
    "ok": "正常",
    "refusing": "拒收",
    "backing_off": "故障重试中",
    "disabled": "已停用",
    "gone": "地址失效",
    # why a target fails
    "auth": "密钥被拒绝",
    "unreachable": "无法连接接口",
    "protocol": "应答无法识别",
    "auth: {0}": "密钥被拒绝：{0:text}",
    "configuration: {0}": "配置有误：{0:text}",
    "unreachable: {0}": "无法连接接口：{0:text}",
    "protocol: {0}": "应答无法识别：{0:text}",
    "incomplete: {0}": "列表不完整：{0:text}",
    # why a hold ended
    "returned": "已重新出现",
    "released_by_hand": "已手动确认",
    "retired": "地域不再监控",
    # an error of a file, and what follows it
    "cannot be read: {0}; `syncd config init` writes a commented start": (
        "无法读取：{0:text}；`syncd config init` 可生成一份带注释的配置"
    ),
    # durations
    "{0} s": "{0} 秒",
    "{0} min": "{0} 分钟",
    "{0} h": "{0} 小时",
    "{0} d": "{0} 天",
    # punctuation
    ": ": "：",
    ", ": "，",
}
