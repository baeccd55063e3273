"""The school: reads scores, trains the Keras LSTM, judges it and exports one ``.onnx`` file."""
