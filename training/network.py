"""The Keras network: an LSTM over events with one small head per predicted field.

Each head sees the fields decided before it (chain rule), in the order of ``live.events.FIELDS``:

    p(event | past) = p(instrument) p(shift | instrument) p(pitch | instrument, shift) ...

The same layers serve two graphs: the training network (teacher-forced logits for whole windows)
and the performer's graph (LSTM states in and out, sampling inside), which is what gets exported.

Shapes: B batch, T time, U units, F all fields, P predicted fields, N all predicted tokens
(the sizes of the predicted fields, one after the other).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from live.events import FIELDS, PREDICTED
from live.prediction import FORBIDDEN
from training import attention, lookback
from training.attention import Attention
from training.recurrence import lstm


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the network. All counts are of units."""

    units: int = 512
    layers: int = 2
    embedding: int = 256
    head: int = 256
    dropout: float = 0.1
    lookback: bool = False
    """Whether it is told what stood one and two bars ago; see ``training.lookback``."""
    attention: int = 0
    """Latest events of which its heads see what followed where the past was like now; 0: none. See
    ``training.attention``."""

    @property
    def parts_of_states(self) -> tuple[int, int, int]:
        """Return the rows of the layers' states, two each, and of what lookback and attention keep.

        Those of what is not there are 0.
        """
        return (
            2 * self.layers,
            lookback.state_rows(self.units) if self.lookback else 0,
            attention.state_rows(self.attention, self.units) if self.attention else 0,
        )

    @property
    def state_rows(self) -> int:
        """Return the rows of the states, R."""
        return sum(self.parts_of_states)

    @property
    def seen(self) -> int:
        """Return the numbers that the heads see of an event: output, embedded event, attention."""
        return self.units + self.embedding + (attention.SEEN if self.attention else 0)


def _wide() -> keras.Initializer:
    """Return how embeddings begin: ten times as wide as Keras's own, which learn far slower here.

    docs/model.md has the figures.
    """
    return keras.initializers.RandomNormal(stddev=0.5)


@keras.saving.register_keras_serializable("continuo")
class EventEmbedding(keras.layers.Layer):
    """Embeds every field of an event and adds them up: (B, T, F) tokens to (B, T, width).

    One table holds the tokens of all fields, so that the exported graph needs a single look-up.
    Lookback inputs are more fields of it.
    """

    def __init__(self, width: int, lookback: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width
        self.lookback = lookback

    def build(self, input_shape: tuple[int | None, ...]) -> None:  # noqa: ARG002
        """Create the table, (tokens of all fields, width)."""
        sizes = [f.size for f in FIELDS] + list(lookback.SIZES if self.lookback else ())
        self.table = self.add_weight((sum(sizes), self.width), initializer=_wide(), name="table")
        self.offsets = np.cumsum([0, *sizes[:-1]], dtype=np.int32)

    def call(self, events: tf.Tensor, told: tf.Tensor | None = None) -> tf.Tensor:
        """Return the embedded events, (B, T, width), with lookback inputs (B, T, inputs)."""
        tokens = events if told is None else tf.concat([events, told], axis=-1)
        rows = tf.gather(ops.convert_to_tensor(self.table), tokens + self.offsets)
        return tf.reduce_sum(rows, axis=2)  # (B, T, F, width) -> (B, T, width)


@keras.saving.register_keras_serializable("continuo")
class Lookback(keras.layers.Layer):
    """Works out the lookback inputs of events that come one after another."""

    def call(self, events: tf.Tensor, states: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the inputs of events (B, T, F), (B, T, inputs), and the rows after them.

        ``states`` are the rows of the states that hold what is kept, (B, rows, U).
        """
        rows, latest = lookback.extend(lookback.unpack(states), events)
        told = lookback.look_back(rows, tf.shape(events)[1])
        return told, lookback.pack(rows, latest, states.shape[2])


@keras.saving.register_keras_serializable("continuo")
class EventHeads(keras.layers.Layer):
    """One softmax head per predicted field, each conditioned on the fields decided before it.

    Head k is ``W2 relu(W1 [h, x] + sum of E_j[field j] for j < k)``: decided fields enter as
    embeddings added to the hidden layer. One product serves the first layer of all heads, one
    look-up all heads that come after a field. Besides the LSTM's output h the heads see the
    embedded event x itself: what just sounded need not find its way through the recurrence first.
    What attention found stands beside the two. V below is the size of all that is seen.
    """

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width
        self.hidden = keras.layers.Dense(width * len(PREDICTED), name="hidden")
        self.logits = [keras.layers.Dense(f.size, name=f"logits_{f.name}") for f in PREDICTED]

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for (B, T, V) inputs."""
        self.hidden.build(input_shape)
        self.decided = [
            self.add_weight(
                (f.size, self.width * (len(PREDICTED) - 1 - j)),
                initializer=_wide(),
                name=f"decided_{f.name}",
            )
            for j, f in enumerate(PREDICTED[:-1])
        ]
        for layer in self.logits:
            layer.build((*input_shape[:-1], self.width))

    def chain(
        self, outputs: tf.Tensor, decide: Callable[[int, tf.Tensor], tf.Tensor]
    ) -> list[tf.Tensor]:
        """Return the logits of each field, (B, T, size), deciding the fields one by one.

        Args:
            outputs: all that is seen of each event, (B, T, V).
            decide: gets a field's index and logits, returns its tokens, int32 (B, T).
        """
        pending = tf.split(self.hidden(outputs), len(PREDICTED), axis=-1)
        logits: list[tf.Tensor] = []
        for k, layer in enumerate(self.logits):
            logits.append(layer(tf.nn.relu(pending[k])))
            token = decide(k, logits[k])
            later = len(PREDICTED) - 1 - k
            if later:
                rows = tf.gather(ops.convert_to_tensor(self.decided[k]), token)
                for i, part in enumerate(tf.split(rows, later, axis=-1), start=k + 1):
                    pending[i] += part
        return logits

    def call(self, outputs: tf.Tensor, targets: tf.Tensor) -> list[tf.Tensor]:
        """Return the teacher-forced logits of each field, (B, T, size)."""
        return self.chain(outputs, lambda k, _: targets[..., k])


@keras.saving.register_keras_serializable("continuo")
class EventSampler(keras.layers.Layer):
    """Draws a whole event through the heads, field by field (Gumbel-max), inside the graph."""

    def __init__(self, heads: EventHeads, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = heads

    def call(
        self,
        outputs: tf.Tensor,
        forced: tf.Tensor,
        noise: tf.Tensor,
        logit_bias: tf.Tensor,
        temperature: tf.Tensor,
        min_p: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return (event, logits); see ``performer_graph`` for the shapes."""
        sizes = [f.size for f in PREDICTED]
        noises = tf.split(noise, sizes, axis=-1)
        biases = tf.split(logit_bias, sizes, axis=-1)
        forces = tf.split(forced, len(PREDICTED), axis=-1)
        heats = tf.split(1.0 / tf.maximum(temperature, 1e-4)[:, None], len(PREDICTED), axis=-1)
        floors = tf.split(tf.math.log(tf.maximum(min_p, 1e-9))[:, None], len(PREDICTED), axis=-1)
        tokens: list[tf.Tensor] = []

        # Written without tf.where, which the ONNX converter spells in seven nodes.
        def draw(k: int, logits: tf.Tensor) -> tf.Tensor:
            biased = logits + biases[k]
            gap = biased - tf.reduce_max(biased, axis=-1, keepdims=True)
            # min-p is judged at temperature 1, so that heat never lets the hopeless in.
            hopeless = tf.cast(gap < floors[k], gap.dtype)
            scores = gap * heats[k] + noises[k] + hopeless * FORBIDDEN
            drawn = tf.argmax(scores, axis=-1, output_type=tf.int32)[..., None]
            given = forces[k]  # -1 where the token is to be drawn
            token = given + (drawn + 1) * tf.cast(given < 0, tf.int32)
            tokens.append(token)
            return token[..., 0]

        logits = self.heads.chain(outputs, draw)
        return tf.concat(tokens, axis=-1), tf.concat(logits, axis=-1)


@keras.saving.register_keras_serializable("continuo")
class EventLSTM(keras.Model):
    """The trainable network. Called on ``{"events": (B, T, F), "targets": (B, T, P)}``.

    ``targets`` are the events that follow; the heads need them for the chain rule. Returns a dict
    of logits by field name, each (B, T, size).
    """

    def __init__(self, config: NetworkConfig | Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config if isinstance(config, NetworkConfig) else NetworkConfig(**config)
        self.embedding = EventEmbedding(
            self.config.embedding, self.config.lookback, name="embedding"
        )
        self.lookback = Lookback(name="lookback")
        self.lstms = [
            keras.layers.LSTM(
                self.config.units, return_sequences=True, return_state=True, name=f"lstm_{i}"
            )
            for i in range(self.config.layers)
        ]
        self.dropout = keras.layers.Dropout(self.config.dropout)
        attended = self.config.attention
        self.attention = Attention(attended, name="attention") if attended else None
        self.heads = EventHeads(self.config.head, name="heads")
        self.products = tf.float32
        """Type that the recurrence's products are computed in while training; float32 else."""

    def build(self, input_shape: Any) -> None:  # noqa: ARG002
        """Create all weights; their shapes depend on the config alone."""
        self.embedding.build((None, None, len(FIELDS)))
        width = self.config.embedding
        for layer in self.lstms:
            layer.build((None, None, width))
            width = self.config.units
        if self.attention is not None:
            self.attention.build((None, None, width + self.config.embedding))
        self.heads.build((None, None, self.config.seen))

    def encode(self, events: tf.Tensor, states: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Run the recurrence on from given states, in Keras's own layers.

        Args:
            events: tokens, (B, T, F).
            states: (B, R, U), hidden and cell state of each layer in turn, then what lookback and
                attention keep; see ``NetworkConfig.parts_of_states``.

        Returns:
            What the heads see, (B, T, V): the last layer's outputs, the embedded events, what
            attention found; and the states after the last event.
        """
        layers, looking_back, _ = self.config.parts_of_states
        before, told, kept = states[:, :layers], None, []
        after: list[tf.Tensor] = []
        if self.config.lookback:
            told, rows = self.lookback(events, states[:, layers : layers + looking_back])
            kept.append(rows)
        x = embedded = self.embedding(events, told)
        for i, layer in enumerate(self.lstms):
            x, hidden, cell = layer(x, initial_state=[before[:, 2 * i], before[:, 2 * i + 1]])
            after += [hidden, cell]
        seen = ops.concatenate([x, embedded], axis=-1)
        if self.attention is not None:
            found, rows = self.attention(seen, states[:, layers + looking_back :])
            kept.append(rows)
            seen = ops.concatenate([seen, found], axis=-1)
        return seen, ops.concatenate([ops.stack(after, axis=1), *kept], axis=1)

    def encode_windows(self, events: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Run the recurrence from zero states: tokens (B, T, F) to what ``encode`` returns first.

        The same weights and, but for rounding, the same numbers as ``encode``, computed in a way
        that trains faster. If ``training``, products may be less exact and dropout follows each
        layer; whatever is judged is computed as the performer computes.
        """
        products = self.products if training else tf.float32
        told = None
        if self.config.lookback:
            told = lookback.look_back(lookback.extend(None, events)[0], tf.shape(events)[1])
        x = embedded = self.embedding(events, told)
        for layer in self.lstms:
            kernel, recurrent, bias = (ops.convert_to_tensor(w) for w in layer.trainable_weights)
            x = lstm(x, kernel, recurrent, bias, products)
            x = self.dropout(x, training=training)
        seen = ops.concatenate([x, embedded], axis=-1)
        if self.attention is None:
            return seen
        return ops.concatenate([seen, self.attention(seen)[0]], axis=-1)

    def call(self, inputs: Mapping[str, tf.Tensor], training: bool = False) -> dict[str, tf.Tensor]:
        """Return the logits of each predicted field, teacher-forced."""
        outputs = self.encode_windows(inputs["events"], training=training)
        logits = self.heads(outputs, inputs["targets"])
        return {f.name: z for f, z in zip(PREDICTED, logits, strict=True)}

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds this network."""
        return {**super().get_config(), "config": asdict(self.config)}


def grown(network: EventLSTM, lookback: bool, attention: int) -> EventLSTM:
    """Return a network that is told what stood bars ago, or sees by attention, as well.

    It makes nothing of either yet; attention that was there and reaches farther back takes all of
    that as it took the farthest events. What the network has already stays, asked for or not.
    """
    known = network.config
    config = replace(
        known,
        lookback=known.lookback or lookback,
        attention=max(known.attention, attention),
    )
    if config == known:
        return network
    larger = EventLSTM(config)
    larger.build(None)
    parts: list[tuple[Any, Any]] = [
        (larger.embedding, network.embedding),
        (larger.heads, network.heads),
    ]
    parts += zip(larger.lstms, network.lstms, strict=True)
    if larger.attention is not None and network.attention is not None:
        larger.attention.take_over(network.attention)
    for layer, of_known in parts:
        for weight, value in zip(layer.weights, of_known.weights, strict=True):
            # Inputs that were not there before stand last: rows of zeros.
            more = weight.shape[0] - value.shape[0]
            weight.assign(tf.pad(value, [[0, more], *[[0, 0]] * (len(weight.shape) - 1)]))
    return larger


def performer_graph(network: EventLSTM) -> keras.Model:
    """Return the stateful graph that the performer runs, over the same weights.

    Inputs:
        events: int32 (B, T, F), what was heard.
        states: float32 (B, R, U), as returned by the run before; zeros at first. R is
            ``NetworkConfig.state_rows``.
        forced: int32 (B, T, P), tokens that are given; -1 where the network draws.
        noise: float32 (B, T or 1, N), Gumbel noise; zeros for the most likely event.
        logit_bias: float32 (B, T or 1, N), added to the logits; -1e9 forbids a token.
        temperature: float32 (B, P), 1 as learned, near 0 the most likely.
        min_p: float32 (B, P), least probability of a token, relative to the likeliest one's.

    Outputs, in this order:
        event: int32 (B, T, P), drawn or forced, the event after each one heard.
        logits: float32 (B, T, N), as learned.
        next_states: float32 (B, R, U).
    """
    count = sum(f.size for f in PREDICTED)
    width = len(PREDICTED)
    config = network.config
    events = keras.Input((None, len(FIELDS)), dtype="int32", name="events")
    states = keras.Input((config.state_rows, config.units), dtype="float32", name="states")
    forced = keras.Input((None, width), dtype="int32", name="forced")
    noise = keras.Input((None, count), dtype="float32", name="noise")
    logit_bias = keras.Input((None, count), dtype="float32", name="logit_bias")
    temperature = keras.Input((width,), dtype="float32", name="temperature")
    min_p = keras.Input((width,), dtype="float32", name="min_p")
    outputs, next_states = network.encode(events, states)
    event, logits = EventSampler(network.heads, name="sampler")(
        outputs, forced, noise, logit_bias, temperature, min_p
    )
    return keras.Model(
        inputs=[events, states, forced, noise, logit_bias, temperature, min_p],
        outputs=[event, logits, next_states],
        name="performer",
    )
