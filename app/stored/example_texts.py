"""The example texts of the playground: many scripts, code, data, noise and typos.

The first text is the example of the BLT paper. All others were written for this page.
"""

from typing import NamedTuple

TOP_K = 5
"""Number of predictions per byte that the page requests and that the examples contain."""


class ExampleText(NamedTuple):
    """Text that is measured in advance; ``lang`` is its language tag (``zxx`` means none)."""

    id: str
    title: str
    lang: str
    text: str


TEXTS = (
    ExampleText(
        "english",
        "English: Game of Thrones",
        "en",
        "Daenerys Targaryen is in Game of Thrones, a fantasy epic by George R.R. Martin.",
    ),
    ExampleText(
        "prose",
        "English: plain prose",
        "en",
        "The river rose in the night. By morning the lower fields lay under water, and the road "
        "to the village was a line of fence posts going nowhere.",
    ),
    ExampleText(
        "german",
        "German: umlauts",
        "de",
        "Über den Dächern von Köln hängen graue Wolken; fünf müde Möwen kreisen über der großen "
        "Brücke und schauen den Schiffen nach.",
    ),
    ExampleText(
        "hindi",
        "Hindi: three bytes a letter",
        "hi",
        "सुबह की पहली किरण के साथ गाँव की गलियाँ जाग उठती हैं और चाय की खुशबू फैल जाती है।",
    ),
    ExampleText(
        "chinese",
        "Chinese: three bytes a character",
        "zh",
        "春天来了，河边的柳树长出了新叶。孩子们在草地上放风筝，老人们坐在长椅上聊天。",  # noqa: RUF001
    ),
    ExampleText(
        "arabic",
        "Arabic: right to left",
        "ar",
        "تشرق الشمس على المدينة القديمة، وتفتح الأسواق أبوابها، ويملأ صوت الباعة الشوارع الضيقة.",
    ),
    ExampleText(
        "amharic",
        "Amharic: Ethiopic script",
        "am",
        "ፀሐይ ስትወጣ የከተማው ሰዎች ወደ ሥራ ይሄዳሉ። ልጆችም ወደ ትምህርት ቤት ይሮጣሉ።",
    ),
    ExampleText(
        "emoji",
        "Emoji: up to 25 bytes each",
        "en",
        "Packing list 🧳: sunscreen 🧴, hat 👒, camera 📷, snacks 🍎🍪. Family trip 👨‍👩‍👧‍👦 to "
        "the coast 🏖️, back on Sunday 👋🏽!",
    ),
    ExampleText(
        "python",
        "Code: Python",
        "zxx",
        "def moving_average(values, width):\n    total = 0.0\n"
        "    for i, value in enumerate(values):\n"
        "        total += value\n"
        "        if i >= width:\n"
        "            total -= values[i - width]\n"
        "        yield total / min(i + 1, width)\n",
    ),
    ExampleText(
        "dna",
        "Data: DNA",
        "zxx",
        "ATGGCGTACGCTTGACCTGAAGGTCTAGCTAGGATCCATATATATATATATATATGCGCGCGCGCTTAACCGGATCGATCGGTACCTTGAAC"
        "GGGTTTAAACCCTAGTAA",
    ),
    ExampleText(
        "json",
        "Data: JSON",
        "zxx",
        '{"station": "Harbour", "readings": [{"hour": 6, "temp": 11.2}, {"hour": 9, "temp": 13.8}, '
        '{"hour": 12, "temp": 16.1}, {"hour": 15, "temp": 16.4}]}',
    ),
    ExampleText(
        "noise",
        "Noise: random characters",
        "zxx",
        "z5Cyt.Kl7%VV+/2J_m[V<;JszLLX-seaU,<lA&;.,:B{FI{B6r1$D}?>l@)#urHE3{uLo [5tEjY67U}1{2mXN",
    ),
    ExampleText(
        "typos",
        "English: typos",
        "en",
        "Teh qiuck borwn fox jmups oevr the lzay dog, adn nobdoy notcied taht evrey wrod was "
        "speled wrnog until teh vrey end of the sentence.",
    ),
)
