"""Released checkpoints: settings of tokenizer and patcher, and commands that load and convert them.

python -m bytelatent.hf load-transformers --entropy-repo R --blt-repo R --prompt TEXT hub
python -m bytelatent.hf load-transformers --entropy-dir D --blt-dir D --prompt TEXT local
python -m bytelatent.hf convert-to-transformers --entropy-dir D --blt-dir D OUT
python -m bytelatent.hf convert-from-transformers SOURCE OUT
"""

import sys

from bytelatent.formats.train_args import BltTokenizerAndPatcher

__all__ = ["BltTokenizerAndPatcher"]

if __name__ == "__main__":
    from bytelatent.convert.commands import main

    sys.exit(main())
