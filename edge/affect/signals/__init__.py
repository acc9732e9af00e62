"""What body signals show: responses of the skin, beats of the heart, and how fit each channel is; causal, in numpy."""
