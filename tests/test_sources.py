"""Where music is from: told once in a file, kept in the model and on its card."""

import pytest
from rich.console import Console
from typer.testing import CliRunner

from live.errors import UserError
from live.model import Model
from tests.conftest import PROJECT
from tests.lessons import SHAPE
from tests.music import play, tune
from training.cli import app
from training.export_cli import export_command
from training.fit_cli import divide
from training.held_out import held_out_music
from training.outputs import float32_path
from training.prepare import prepare
from training.sources import CORPUS, describe, read_sources, tell_of_other_music

ABOUT = """
[tunes]
name = "Tunes of nobody"
licence = "CC BY 4.0"
url = "https://example.org"
acknowledge = "Written down by a test."

[songs]
name = "Songs of nobody"
licence = "BSD"
notice = "COPYING"
"""


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    """Two sources in one folder, and a file that tells of them."""
    folder = tmp_path_factory.mktemp("downloads")
    for number in range(24):
        play(folder / ("tunes" if number < 16 else "songs/deep") / f"{number}.mid", tune(number))
    (folder / "songs" / "COPYING").write_text("Keep this notice.\n")
    (folder / "about.toml").write_text(ABOUT)
    return folder


@pytest.fixture(scope="module")
def corpus(downloads):
    return prepare(downloads, downloads / "cache")[0]


def test_each_source_is_told_with_its_licence_and_counts(downloads, corpus):
    parts = divide(corpus)
    songs, tunes = describe([downloads], corpus, parts, downloads / "about.toml")
    assert (tunes["name"], tunes["licence"]) == ("Tunes of nobody", "CC BY 4.0")
    assert tunes["acknowledge"] == "Written down by a test."
    assert songs["notice"] == "Keep this notice."
    assert (tunes["pieces"], songs["pieces"]) == (16, 8)
    assert tunes["notes"] + songs["notes"] == len(corpus.columns)
    held_out = len(parts.validation) + len(parts.test)
    assert tunes["held_out_pieces"] + songs["held_out_pieces"] == held_out > 0


def test_sources_in_folders_of_their_own_are_told_the_same(downloads, corpus):
    """However the folders are named on the command line."""
    parts, about = divide(corpus), downloads / "about.toml"
    apart = describe([downloads / "songs", downloads / "tunes"], corpus, parts, about)
    assert apart == describe([downloads], corpus, parts, about)


def test_without_such_a_file_folders_are_told_by_name(downloads, corpus):
    (told,) = describe([downloads], corpus, divide(corpus))
    assert told["name"] == downloads.name
    assert told["licence"] == "the user's own choice of files"


def test_music21s_corpus_tells_of_itself(corpus):
    (told,) = describe([], corpus, divide(corpus))
    assert told["name"] == CORPUS
    assert told["composers"]["unknown"] == len(corpus)


def test_other_music_than_a_model_tells_of_is_told_in_one_line(downloads, corpus):
    told = describe([downloads], corpus, divide(corpus), downloads / "about.toml")
    own = {"name": "own music (player)", "pieces": 3, "notes": 99}
    odd = {"name": None, "pieces": "3", "notes": None}
    for known, lines in ((told, 0), ([*told, own, odd], 0), (told[:1], 1), ([own], 1), ([], 1)):
        console = Console(record=True, width=60)
        tell_of_other_music("m.onnx", known, corpus, console)
        assert console.export_text().count("\n") == lines


@pytest.mark.parametrize(("folder", "lines"), [("", 0), ("tunes", 1)])
def test_who_judges_is_told_that_the_model_may_know_the_music(downloads, trained, folder, lines):
    console = Console(record=True, width=200)
    music = held_out_music(
        [downloads / folder], downloads / "cache", console, judged=Model(trained / "m.onnx")
    )
    assert music.held_out
    assert console.export_text().count("it may have learnt from") == lines


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tunes", "is not valid TOML"),
        ("name = 3", "about.toml: name"),
        ('[tunes]\nname = "T"', "tunes.licence"),
        ('[tunes]\nname = " "\nlicence = "x"', "tunes.name"),
        ('[tunes]\nname = "T"\nlicense = "x"\nlicence = "x"', "tunes.license"),
        ('[tunes]\nname = "T"\nlicence = "x"', "does not tell where the music in .*songs"),
        (ABOUT.replace("COPYING", "NOWHERE"), "cannot read the notice .*NOWHERE: No such file"),
        (ABOUT.replace("COPYING", "deep/20.mid"), "cannot read the notice .*it is no text"),
    ],
)
def test_file_that_tells_too_little_is_refused_in_one_line(downloads, corpus, tmp_path, text, told):
    about = tmp_path / "about.toml"
    about.write_text(text)
    with pytest.raises(UserError, match=told) as refused:
        describe([downloads / "songs", downloads / "tunes"], corpus, divide(corpus), about)
    assert "\n" not in str(refused.value)


def test_shipped_file_is_whole():
    sources = read_sources(PROJECT / "training/sources.toml")
    assert len(sources) == 6
    assert all(source.url for source in sources.values())


@pytest.fixture(scope="module")
def trained(downloads, tmp_path_factory):
    """A run with its model and card, made with one command."""
    folder = tmp_path_factory.mktemp("trained")
    names = [f"{name}={value}" for name, value in {**SHAPE, "batch": 4, "steps": 32}.items()]
    about = ["--about", str(downloads / "about.toml"), "--card", str(folder / "card.md")]
    fit(downloads, folder, *about, *(part for name in names for part in ("--set", name)))
    return folder


def fit(downloads, folder, *arguments):
    """Train for an epoch in a folder."""
    command = ["fit", "--data", str(downloads), "--cache", str(downloads / "cache")]
    command += ["--run", str(folder / "run"), "--out", str(folder / "m.onnx"), "--epochs", "1"]
    command += ["--set", "precision=float32", *arguments]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_model_and_card_of_one_command_tell_the_sources(trained):
    for path in (trained / "m.onnx", float32_path(trained / "m.onnx")):
        told = Model(path).metadata["data"]
        assert [one["name"] for one in told] == ["Songs of nobody", "Tunes of nobody"]
    card = (trained / "card.md").read_text()
    for text in (
        "| [Tunes of nobody](https://example.org) | CC BY 4.0 | 16 | 1,920 |",
        "> Written down by a test.",
        "> Keep this notice.",
        "1 LSTM layers of 16 units",
        "| bits per note | instrument |",
    ):
        assert text in card


def test_run_that_goes_on_with_the_same_music_tells_each_source_once(trained, downloads, tmp_path):
    """Even where it is not told of the sources again, and would name them by their folders."""
    fit(downloads, tmp_path, "--from", str(trained / "m.onnx"), "--set", "batch=4")
    before, after = (Model(folder / "m.onnx").metadata["data"] for folder in (trained, tmp_path))
    assert after == before


def test_export_of_the_run_says_the_same_of_music_and_training(trained, tmp_path):
    """Even without the music: the checkpoints know it."""
    export_command(source=trained / "run", out=tmp_path / "m.onnx")
    before, after = (Model(folder / "m.onnx").metadata for folder in (trained, tmp_path))
    assert after["data"] == before["data"]
    assert after["training"] == before["training"]
    for name, bits in before["held_out_bits_per_note"].items():
        assert after["held_out_bits_per_note"][name] == pytest.approx(bits, abs=1e-3)


def test_export_may_tell_the_sources_anew(trained, downloads, tmp_path):
    about = tmp_path / "about.toml"
    about.write_text(ABOUT.replace("Tunes of nobody", "Tunes of somebody"))
    music = {"data": [downloads], "cache": downloads / "cache", "about": about}
    out = tmp_path / "m.onnx"
    export_command(source=trained / "run", out=out, card=tmp_path / "card.md", **music)
    assert [one["name"] for one in Model(out).metadata["data"]] == [
        "Songs of nobody",
        "Tunes of somebody",
    ]
    assert "Tunes of somebody" in (tmp_path / "card.md").read_text()


def test_export_does_not_tell_of_music_that_the_run_did_not_learn(trained, downloads, tmp_path):
    music = {"data": [downloads / "tunes"], "cache": downloads / "cache"}
    out = tmp_path / "m.onnx"
    with pytest.raises(UserError, match="was trained on other music"):
        export_command(source=trained / "run", out=out, about=downloads / "about.toml", **music)
    assert not out.exists()


def test_export_that_is_to_tell_of_no_folder_is_refused(trained, downloads, tmp_path):
    with pytest.raises(UserError, match="--data"):
        export_command(
            source=trained / "run", out=tmp_path / "m.onnx", about=downloads / "about.toml"
        )
