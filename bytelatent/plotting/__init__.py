"""Commands that draw figures for the gallery: ``python -m bytelatent.plotting.NAME --help``.

Each writes interactive HTML, PNG and PDF to ``demo_output/`` and the numbers behind them to
``plot_data/``; :mod:`bytelatent.plotting.all` runs them all. Running one twice writes the same
bytes. None needs torch.
"""
