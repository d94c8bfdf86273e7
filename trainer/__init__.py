"""Layer 3: trains, evaluates and exports models. Modules that need TensorFlow import it, so importing this is cheap."""
