"""Invents images that look like those of the real market; seed and number always give the same image."""

from __future__ import annotations

import hashlib
from typing import Any

EPOCH = 1_735_689_600
"""In seconds since 1970: the oldest image was made on 2025-01-01."""

SUBJECTS = (
    "ComfyUI 工作流", "Stable Diffusion WebUI 整合包", "DeepSeek-R1 推理", "Qwen2.5-72B 微调", "ChatGLM4 对话",
    "vLLM serving", "PyTorch 训练环境", "LLaMA-Factory", "Wan2.1 文生视频", "FLUX.1 dev", "YOLOv11 目标检测",
    "CosyVoice 语音合成", "Whisper 字幕", "Blender 渲染", "Isaac Sim", "Jupyter lab base", "TensorRT-LLM",
    "数字人 MuseTalk", "GPT-SoVITS 声音克隆", "OCR & Layout",
)  # fmt: skip
QUALITIES = (
    "开箱即用", "一键启动", "v2 (tested)", "夜间构建", "24G 显存可用", "课程专用", "\"stable\"", "内部测试，请勿外传",
    "for the lab", "含模型权重",
)  # fmt: skip
SENTENCES = (
    "预装 CUDA、cuDNN 与常用依赖，启动后访问 8188 端口即可使用。",
    "Weights are under /data/models; run start.sh first.",
    "修复了上个版本的显存泄漏问题，建议更新。",
    "适合 4090 单卡，3090 也可以跑，注意调小 batch size。",
    "Includes example notebooks & a small dataset <demo>.",
    "有问题请在群里联系作者 🚀",
)
OWNERS = (
    "李雷",
    "韩梅梅",
    "alice",
    "算力小站",
    "bob-lab",
    "图灵工坊",
    "NLP组",
    "wang.xiaoming",
    "GPU 之家",
    "Ω-studio",
)
FRAMEWORKS = (
    ("PyTorch", "2.5.1"),
    ("PyTorch", "2.1.0"),
    ("TensorFlow", "2.16"),
    ("PaddlePaddle", "3.0"),
    ("JAX", "0.4.35"),
)
CUDA_VERSIONS = ("11.8", "12.1", "12.4", "12.6")
APPLICATIONS = ("ComfyUI", "JupyterLab", "WebUI", "Ollama", "code-server")
TAGS = ("文生图", "大模型", "推理", "训练", "视频", "语音", "LLM", "diffusion", "3D", "教学")
GPUS = ("4090", "3090", "A100", "H20", "")
STATUSES = ("Available",) * 12 + ("Making", "Reviewing", "UnAvailable", "Offline")
TYPES = ("Custom",) * 5 + ("Community", "Community", "App", "System")
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def image_id(seed: int, number: int) -> str:
    """``compshareImage-`` and twelve characters."""
    value = int.from_bytes(_dice(seed, number)[:8], "big")
    letters = []
    for _ in range(12):
        value, digit = divmod(value, 36)
        letters.append(DIGITS[digit])
    return "compshareImage-" + "".join(letters)


def image_fields(seed: int, number: int) -> dict[str, Any]:
    """Every field of a list row (about 850 bytes as JSON)."""
    dice = _dice(seed, number)
    made = EPOCH + number * 613 + dice[8]
    owner = dice[9] % len(OWNERS)
    kind = TYPES[dice[10] % len(TYPES)]
    return {
        "CompShareImageId": image_id(seed, number),
        "Name": f"{SUBJECTS[dice[11] % len(SUBJECTS)]} {QUALITIES[dice[12] % len(QUALITIES)]} #{number}",
        "Description": SENTENCES[dice[13] % len(SENTENCES)],
        "Status": STATUSES[dice[15] % len(STATUSES)],
        "ImageType": kind,
        "ImageOwnerAlias": "Official" if kind == "System" else "Community",
        "Owner": {"AccountId": str(56_000_000 + owner), "AccountName": f"{OWNERS[owner]}@example.com"},
        "Author": OWNERS[owner],
        "AuthInfo": dice[16] % 3,
        "Container": "True" if dice[17] % 4 == 0 else "False",
        "Size": 20_480 + dice[18] * 512,
        "Price": round(dice[19] % 20 / 10, 2),
        "Visibility": dice[20] % 2,
        "CreateTime": made,
        "PubTime": made + 3600,
        "CreatedCount": 1 + dice[21],
        "FavoritesCount": 1 + dice[22] % 60,
        "ImageUseTime": 1 + dice[23] * 7,
        "Tags": _tags(dice[24], dice[25]),
        "Softwares": _softwares(dice),
        "Cover": f"https://cover.example/{number:08x}{dice[26]:02x}.png",
        "GroupId": f"group-{number % 997:04d}",
        "VersionName": f"v{1 + dice[27] % 4}.{dice[28] % 10}",
        "VersionDesc": "首个版本" if dice[28] % 2 else "",
        "SourceGpuType": GPUS[dice[29] % len(GPUS)],
        "FailedReason": "",
        "AutoStart": dice[30] % 2 == 0,
        "ImageCharge": dice[19] % 20 > 0,
        "IsOfficial": kind == "System",
    } | _unheard_of(number, dice)


def lean_fields(seed: int, number: int) -> dict[str, Any]:
    """The smallest possible row, for tests that list often and only care about ids."""
    return {"CompShareImageId": image_id(seed, number), "Name": f"image {number}", "Status": "Available"}


def readme(fields: dict[str, Any]) -> str:
    """The long text that only a query for one id shows."""
    return f"# {fields.get('Name', '')}\n\n{fields.get('Description', '')}\n\n1. 选择镜像\n2. 启动实例\n"


def _dice(seed: int, number: int) -> bytes:
    return hashlib.blake2b(b"%d:%d" % (seed, number), digest_size=32).digest()


def _unheard_of(number: int, dice: bytes) -> dict[str, Any]:
    """Fields that no document names yet. Some rows have them, as they might after a new release of CompShare."""
    if number % 3:
        return {}
    return {"ShareMode": "Account", "Labels": {"Scene": TAGS[dice[24] % len(TAGS)]}, "Weight": None}


def _tags(how_many: int, first: int) -> list[str] | None:
    count = how_many % 4
    return [TAGS[(first + step) % len(TAGS)] for step in range(count)] or (None if first % 2 else [])


def _softwares(dice: bytes) -> dict[str, Any] | None:
    if dice[31] % 8 == 0:
        return None
    framework, version = FRAMEWORKS[dice[31] % len(FRAMEWORKS)]
    return {
        "Framework": framework,
        "FrameworkVersion": version,
        "CUDAVersion": CUDA_VERSIONS[dice[30] % len(CUDA_VERSIONS)],
        "Applications": [APPLICATIONS[dice[29] % len(APPLICATIONS)]],
    }
