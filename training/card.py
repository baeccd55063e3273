"""The card of a model: what its metadata say, for people to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from live.events import PREDICTED


def model_card(name: str, metadata: Mapping[str, Any]) -> str:
    """Return the card as Markdown.

    Args:
        name: of the model's file.
        metadata: of the file, as ``live.model.Model`` reads them.
    """
    parts = [_head(name, metadata), _data(metadata), _training(metadata), _figures(metadata)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(name: str, metadata: Mapping[str, Any]) -> str:
    network = metadata["network"]
    lines = [
        f"# {name}",
        "",
        f"{network['layers']} LSTM layers of {network['units']} units, {metadata['precision']} "
        f"weights, exported on {metadata['date']} by Continuo {metadata['continuo']}.",
    ]
    if "int8_cost" in metadata:
        lines[-1] += f" 8-bit weights cost {100 * metadata['int8_cost']:+.2f}% bits per note."
    return "\n".join(lines)


def _data(metadata: Mapping[str, Any]) -> str:
    sources = metadata.get("data", [])
    if not sources:
        return ""
    lines = [
        "## Data",
        "",
        "| source | licence | pieces | notes | held out |",
        "|---|---|---|---|---|",
    ]
    for told in sources:
        name = f"[{told['name']}]({told['url']})" if "url" in told else told["name"]
        counts = (_number(told.get(key)) for key in ("pieces", "notes", "held_out_pieces"))
        lines.append(f"| {name} | {told.get('licence', '')} | {' | '.join(counts)} |")
    lines += ["", "Held-out pieces were not learnt from."]
    for told in sources:
        texts = [told[key] for key in ("acknowledge", "notice") if key in told]
        if texts:
            lines += ["", f"### {told['name']}"]
        for text in texts:
            lines += ["", *(f"> {line}".rstrip() for line in text.splitlines())]
    return "\n".join(lines)


def _training(metadata: Mapping[str, Any]) -> str:
    training = dict(metadata.get("training", {}))
    if not training:
        return ""
    lines = ["## Training", ""]
    if "events" in training:
        minutes = training.get("seconds", 0) / 60
        lines += [f"{training['events']:,} events in {minutes:.1f} minutes.", ""]
    before = training.pop("before", None)
    lines += ["| setting | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in training.items()]
    if before:
        lines += ["", f"It went on from a model of {before.get('events', 0):,} events."]
    return "\n".join(lines)


def _figures(metadata: Mapping[str, Any]) -> str:
    figures = {
        "held-out pieces": metadata.get("held_out_bits_per_note"),
        "old music, held out": metadata.get("old_bits_per_note"),
    }
    names = [*(f.name for f in PREDICTED), "sum"]
    rows = [
        f"| {what} | {' | '.join(f'{bits[name]:.3f}' if name in bits else '' for name in names)} |"
        for what, bits in figures.items()
        if bits
    ]
    if not rows:
        return ""
    head = [f"| bits per note | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    return "\n".join(["## Figures", "", *head, *rows])


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else ""
