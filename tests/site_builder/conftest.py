"""A bundle without a model in it, and scripts without code: enough to build a site from."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from windowseat.site_builder.gallery import EXAMPLES


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """Stands for web/build."""
    folder = tmp_path / "scripts"
    (folder / "site").mkdir(parents=True)
    scripts = {
        "frame.js": ["shared-0.js"],
        "chat.js": ["shared-0.js"],
        "examples.js": [],
        "will_it_run.js": [],
        "shared-0.js": [],
        "engine_worker.js": [],
        "embed.js": ["shared-0.js"],
        "verify.js": [],
    }
    index = [
        {"name": name, "file": name if name.startswith("shared") else name.replace(".", "-1."), "imports": imports}
        for name, imports in scripts.items()
    ]
    for script in index:
        (folder / "site" / str(script["file"])).write_text(f"// {script['name']}")
    (folder / "examples").mkdir()
    for example in EXAMPLES:
        (folder / "examples" / f"{example.name}.ts").write_text(f"// {example.name}")
    for name in ("offline_worker.js", "widget.js"):
        (folder / "site" / name).write_text(f"// {name}")
    (folder / "site/scripts.json").write_text(json.dumps(index))
    return folder


@pytest.fixture
def make_bundle(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a bundle of this name that keeps to the format, and returns its folder."""

    def make(name: str) -> Path:
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        contents = {"base.plan.json": b"{}", "weights-0000.bin": bytes(256), "generation_config.json": b"{}"}
        for path, content in contents.items():
            (folder / path).write_bytes(content)
        manifest = {
            "format": "windowseat-bundle",
            "version": 1,
            "name": name,
            "model": {
                "architecture": "qwen3_5_text",
                "source": "somewhere",
                "revision": None,
                "licence": None,
                "parameters": 64,
                "config": {},
            },
            "quantisation": "q4",
            "context": {"default": 64, "max": 64},
            "vocabulary": 8,
            "stop_tokens": [0],
            "variants": [
                {
                    "name": "base",
                    "plan": "base.plan.json",
                    "prefill_chunk": 16,
                    "features": [],
                    "limits": {},
                    "software": False,
                    "kv_cache": "f32",
                    "memory": {"weights": 256, "fixed": 0, "per_position": 0},
                }
            ],
            "weights": {
                "bytes": 256,
                "shard_bytes": 256,
                "shards": ["weights-0000.bin"],
                "tensors": [{"name": "norm", "offset": 0, "bytes": 256}],
            },
            "files": [
                {"path": path, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                for path, content in contents.items()
            ],
        }
        (folder / "bundle.json").write_text(json.dumps(manifest))
        return folder

    return make
