"""Checkpoints that cannot become bundles: one sentence each, and nothing half-written."""

import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from windowseat.compile.build import Options, build
from windowseat.compile.errors import UserError

from tests.compile.machine import Array
from tests.compile.tiny_model import CONFIG, QWEN_2, write_tiny

Q_PROJ = "model.layers.1.self_attn.q_proj.weight"
DOWN = "model.layers.0.mlp.down_proj.weight"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("whole") / "model", dtype="f32")


@pytest.fixture
def source(whole: Path, tmp_path: Path) -> Path:
    """A checkpoint of one's own to damage."""
    return Path(shutil.copytree(whole, tmp_path / "model"))


@pytest.fixture
def models(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def refusal(source: Path, models: Path, options: Options = Options(), out: Path | None = None) -> str:  # noqa: B008
    """What a person is told; fails if anything is left in the models' folder, hidden files too."""
    with pytest.raises(UserError) as caught:
        build(str(source), out or models, options, lambda progress: None)
    assert list(models.iterdir()) == []
    return str(caught.value)


def change_config(source: Path, **changes: Any) -> None:
    config = json.loads((source / "config.json").read_text()) | changes
    (source / "config.json").write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


def change_tensors(source: Path, change: Callable[[dict[str, Array]], object]) -> None:
    tensors = load_file(source / "model.safetensors")
    change(tensors)
    save_file(tensors, source / "model.safetensors")


@pytest.mark.parametrize("kind", ["llama", ["qwen3"]])
def test_an_unknown_architecture(source: Path, models: Path, kind: object) -> None:
    change_config(source, model_type=kind)
    assert refusal(source, models) == (
        f"model is of model_type {kind!r}, which Windowseat cannot compile yet;"
        " it knows qwen2, qwen3, qwen3_5, qwen3_5_text."
    )


@pytest.mark.parametrize("method", ["gptq", "fp8"])
def test_weights_that_are_quantised_already(source: Path, models: Path, method: str) -> None:
    change_config(source, quantization_config={"quant_method": method})
    assert refusal(source, models) == (
        f"model is quantised already ({method}); give the checkpoint that it was made from, with weights in bf16, f16"
        " or f32."
    )


def test_no_safetensors(source: Path, models: Path) -> None:
    (source / "model.safetensors").unlink()
    assert "has neither model.safetensors nor model.safetensors.index.json" in refusal(source, models)


def test_truncated_safetensors(source: Path, models: Path) -> None:
    with (source / "model.safetensors").open("r+b") as file:
        file.truncate(100_000)
    assert "model.safetensors has 100000 bytes but" in refusal(source, models)


def test_a_shape_that_contradicts_the_config(source: Path, models: Path) -> None:
    change_config(source, intermediate_size=100)
    assert refusal(source, models) == (
        "model.layers.0.mlp.gate_proj.weight in model has the shape [96, 64], but config.json implies [100, 64]:"
        " the config belongs to another checkpoint."
    )


def test_a_missing_tensor(source: Path, models: Path) -> None:
    change_tensors(source, lambda tensors: tensors.pop(Q_PROJ))
    assert refusal(source, models) == f"model has no tensor {Q_PROJ}, which its config.json asks for."


def test_an_unexpected_tensor(source: Path, models: Path) -> None:
    change_tensors(source, lambda tensors: tensors.update({"model.layers.0.mlp.router": np.ones(3, np.float32)}))
    assert refusal(source, models) == (
        "model has a tensor model.layers.0.mlp.router that this architecture does not know."
    )


@pytest.mark.parametrize("field", ["hidden_size", "linear_conv_kernel_dim", "rms_norm_eps"])
def test_a_missing_field_of_the_config(source: Path, models: Path, field: str) -> None:
    change_config(source, **{field: None})
    assert refusal(source, models) == f"config.json of model has no {field!r}, which this architecture needs."


@pytest.mark.parametrize(("value", "printed"), [("64", "'64'"), (0, "0"), (True, "True"), (-1, "-1"), (6.4, "6.4")])
def test_a_field_of_the_config_that_cannot_be(source: Path, models: Path, value: object, printed: str) -> None:
    change_config(source, hidden_size=value)
    assert refusal(source, models) == f"config.json of model has hidden_size = {printed}; it must be a int."


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rope_parameters": 2}, "config.json of model has 2 where RoPE is described; it must be an object."),
        ({"text_config": 2}, "config.json of model has text_config = 2; it must be an object."),
        ({"layer_types": 2}, "config.json of model has layer_types = 2; it must be a tuple."),
        ({"layer_types": [[], "x"]}, "config.json of model has a layer of type [], which is not known here."),
        (
            {"layer_types": None, "full_attention_interval": 0},
            "config.json of model has no 'layer_types', which this architecture needs.",
        ),
    ],
)
def test_a_config_of_another_form(source: Path, models: Path, changes: dict[str, object], said: str) -> None:
    change_config(source, **changes)
    assert refusal(source, models) == said


@pytest.mark.parametrize("types", [2, "full_attention"])
def test_layers_of_a_dense_model_that_are_no_list(tmp_path: Path, models: Path, types: object) -> None:
    source = write_tiny(tmp_path / "dense", QWEN_2)
    change_config(source, layer_types=types)
    assert refusal(source, models) == f"config.json of dense has layer_types = {types!r}; it must be a list."


def test_heads_that_do_not_divide(source: Path, models: Path) -> None:
    change_config(source, num_attention_heads=3, num_key_value_heads=2)
    assert "num_attention_heads 3 is no multiple of num_key_value_heads" in refusal(source, models)


def test_no_tokenizer(source: Path, models: Path) -> None:
    (source / "tokenizer.json").unlink()
    assert refusal(source, models) == ("model has no tokenizer.json; add the one of the model it was trained from.")


@pytest.mark.parametrize("content", ["{", "{}", '{"model": {"type": "Unheard"}}'])
def test_a_broken_tokenizer(source: Path, models: Path, content: str) -> None:
    (source / "tokenizer.json").write_text(content)
    assert refusal(source, models).startswith("tokenizer.json of model cannot be read (")


def test_a_tokenizer_of_another_model(tmp_path: Path, models: Path) -> None:
    source = write_tiny(tmp_path / "small", {**CONFIG, "vocab_size": 99})
    assert refusal(source, models) == (
        "tokenizer.json of small has ids up to 99, but the model knows 99 tokens:"
        " the tokenizer belongs to another checkpoint."
    )


def test_no_chat_template(source: Path, models: Path) -> None:
    (source / "chat_template.jinja").unlink()
    assert refusal(source, models).startswith("model has no chat template (chat_template.jinja,")


@pytest.mark.parametrize("stop", [None, True, "3", {}])
def test_no_end_of_a_turn(source: Path, models: Path, stop: object) -> None:
    change_config(source, eos_token_id=stop)
    (source / "generation_config.json").unlink()
    (source / "tokenizer_config.json").unlink()
    assert refusal(source, models) == ("model names no eos_token_id anywhere; add one to generation_config.json.")


@pytest.mark.parametrize("name", ["generation_config.json", "tokenizer_config.json"])
def test_a_small_file_that_is_not_json(source: Path, models: Path, name: str) -> None:
    (source / name).write_text("{")
    assert name in refusal(source, models)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", [DOWN, "model.norm.weight", "model.layers.0.linear_attn.A_log"])
def test_weights_that_are_no_numbers(source: Path, models: Path, name: str, value: float) -> None:
    change_tensors(source, lambda tensors: tensors[name].flat.__setitem__(5 % tensors[name].size, value))
    assert "holds NaN or infinite values: the checkpoint is damaged; fetch it again." in refusal(source, models)


class TooLarge(NamedTuple):
    form: str
    value: float
    sentence: str


@pytest.mark.parametrize(
    "case",
    [
        TooLarge("f16", 70_000, "holds 7e+04; f16 stores up to 6.55e+04: choose another quantisation."),
        TooLarge("f16", -70_000, "holds 7e+04; f16 stores up to 6.55e+04: choose another quantisation."),
        TooLarge("q4", 1e6, "holds 1e+06; q4 stores up to 5.24e+05: choose another quantisation."),
        TooLarge("q8", 1e8, "holds 1e+08; q8 stores up to 8.32e+06: choose another quantisation."),
    ],
)
def test_weights_too_large_for_the_format(source: Path, models: Path, case: TooLarge) -> None:
    change_tensors(source, lambda tensors: tensors[DOWN].flat.__setitem__(0, case.value))
    said = refusal(source, models, Options(case.form))
    assert said == f"layers.0.down_proj of model {case.sentence}"


def test_an_unknown_quantisation(source: Path, models: Path) -> None:
    assert refusal(source, models, Options("q3")) == "There is no quantisation 'q3'; choose one of q4, q8, f16."


def test_an_unknown_variant(source: Path, models: Path) -> None:
    said = refusal(source, models, Options(variants=("f16", "f8")))
    assert said.startswith("There is no variant 'f8'; choose among f16_subgroups, f16, base, software")


def test_no_context(source: Path, models: Path) -> None:
    assert refusal(source, models, Options(context=0)) == "A context of 0 tokens is too small; choose at least 1."


def test_a_context_past_what_the_model_was_made_for(source: Path, models: Path) -> None:
    said = refusal(source, models, Options(context=513))
    assert said.endswith(
        "takes up to 512 tokens, and a context of 513 was asked for; choose a smaller one, or none for all of them."
    )


@pytest.mark.parametrize("name", ["", "../up", "two words", ".hidden", "a/b", "-dash"])
def test_a_name_that_cannot_be_a_folder(source: Path, models: Path, name: str) -> None:
    assert refusal(source, models, Options(name=name)) == (
        f"{name!r} cannot name a bundle; give it a --name of letters, digits, dots, dashes and underscores."
    )


def test_a_folder_whose_name_cannot_be_one_of_a_bundle(source: Path, models: Path) -> None:
    assert refusal(source.rename(source.with_name("模型")), models) == (
        "'模型' cannot name a bundle; give it a --name of letters, digits, dots, dashes and underscores."
    )


@pytest.mark.parametrize("name", ["model", "around"])
def test_a_checkpoint_is_not_replaced_by_its_bundle(source: Path, models: Path, name: str) -> None:
    (source / "bundle.json").write_text('{"format": "windowseat-bundle"}')
    (source.parent / "around").mkdir()
    place = source.rename(source.parent / "around" / "model")
    (source.parent / "around" / "bundle.json").write_text('{"format": "windowseat-bundle"}')
    before = sorted(place.iterdir())
    out = place.parent if name == "model" else place.parent.parent
    assert refusal(place, models, Options(name=name), out).startswith(
        f"The bundle would take the place of {out / name}"
    )
    assert sorted(place.iterdir()) == before


def test_what_is_no_bundle_is_not_replaced(source: Path, models: Path, tmp_path: Path) -> None:
    place = tmp_path / "out" / "model"
    place.mkdir(parents=True)
    (place / "notes").write_text("mine")
    assert refusal(source, models, out=tmp_path / "out") == (
        f"{place} is there already and is no compiled model, so it stays; choose another folder with --out,"
        " or remove it"
    )
    assert (place / "notes").read_text() == "mine"


def test_too_little_room(source: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(models)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    said = refusal(source, models)
    assert said.startswith("The bundle needs 0 MB under ")
    assert said.endswith("; free some space or choose another folder with --out.")


@pytest.mark.parametrize("limit", [1, 50_000, 110_000])
def test_a_disk_that_fills_up_at_any_file(source: Path, models: Path, limit: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        said = refusal(source, models)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert said == f"No room left on the disk under {models}; free some space and build again."


def test_a_failed_build_leaves_the_old_bundle_as_it_was(source: Path, models: Path) -> None:
    bundle = build(str(source), models, Options(), lambda progress: None)
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    change_tensors(source, lambda tensors: tensors[DOWN].flat.__setitem__(0, np.nan))
    with pytest.raises(UserError, match="holds NaN"):
        build(str(source), models, Options(), lambda progress: None)
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before
    assert list(models.iterdir()) == [bundle]
