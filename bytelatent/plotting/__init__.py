"""Commands that draw figures for the gallery: ``python -m bytelatent.plotting.NAME --help``.

Each command writes interactive HTML, PNG and PDF to ``demo_output/`` and the plotted numbers to
``plot_data/``; :mod:`bytelatent.plotting.all` runs all commands. A second run writes the same
bytes. No command needs torch.
"""
