"""Short lists of English words that decide whether words are a name."""

import re


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


STOP_WORDS = _set(
    """
    a about above after again against all almost also although always am among an and any
    anybody anyone anything are as at away be because been before behind being below between
    both but by can cannot could did do does doing done down during each either else enough
    even ever every everybody everyone everything few first for former from further had has
    have having he hence her here hers herself him himself his how however i if in indeed
    into is it its itself just last latter least less let like many may me might mine more
    moreover most much must my myself nay neither never nevertheless no nobody none nor not
    nothing now of off often oh on once one only or other others otherwise ought our ours
    ourselves out over own perhaps quite rather said same second shall she should since so
    some somebody someone something soon still such than that the thee their theirs them
    themselves then there therefore these they thing third this those thou though through
    thus thy to today tomorrow too toward towards under unless until up upon us very was we
    well were what whatever when whenever where whereas wherever whether which while who
    whoever whole whom whose why will with within without would yes yesterday yet you your
    yours yourself yourselves
    """
)
"""Words that are never an entity on their own."""

NO_NAMES = STOP_WORDS | _set(
    """
        ah alas aunt brother chapter child children cousin daughter dear dearest father god
        gentleman gentlemen good goodness heaven heavens husband lady lord ladies ma'am
        ma’am madam mamma mama man miss mother mr mrs ms nephew niece papa sir sister
        sisters son uncle volume wife woman yours january february march april may june july
        august september october november december monday tuesday wednesday thursday friday
        saturday sunday christmas easter michaelmas applause laughter et etc viz nonsense
        pray poor
        """
)
"""Words that never form a name on their own: forms of address, months, exclamations."""

MALE_TITLES = _set("mr sir lord king prince duke earl baron count master")
FEMALE_TITLES = _set(
    "mrs miss ms lady madam madame mademoiselle queen princess duchess countess dame"
)
OTHER_TITLES = _set(
    """
    dr doctor professor prof rev reverend colonel col captain capt general gen major lieutenant
    lt sergeant admiral commodore president senator governor judge justice bishop saint st
    pope
    """
)
CALLINGS = OTHER_TITLES - {"saint", "st", "pope"}
"""Titles of office, rank or learning, which stand before a surname and before a whole name."""
WHOLE_TITLES = {
    "dr": "doctor",
    "prof": "professor",
    "rev": "reverend",
    "col": "colonel",
    "capt": "captain",
    "gen": "general",
    "lt": "lieutenant",
}
"""Titles by their abbreviation."""
TITLES = MALE_TITLES | FEMALE_TITLES | OTHER_TITLES
"""Titles in front of a name, without their full stops."""

FIRST_NAMES = {
    "m": _set(
        """
        adam albert alexander alfred andrew anthony arthur benjamin bernard bill brian charles
        christopher daniel david donald edmund edward edwin eric ernest francis frank
        franklin fred frederick george gerald gilbert harold harry henry herbert hugh isaac
        jack jacob james jeremy jim joe john jonathan joseph joshua justin keith kenneth
        kevin lawrence leonard lewis louis luke mark martin matthew michael nathan nicholas
        oliver oscar patrick paul peter philip ralph raymond richard robert roger ronald
        samuel scott sidney simon stephen steven theodore thomas timothy tom vincent walter
        william
        """
    ),
    "f": _set(
        """
        abigail agnes alice amanda amelia amy angela ann anna anne annie augusta barbara beatrice
        bertha betty carol caroline catherine cecilia charlotte christina clara constance
        cynthia deborah diana dorothy edith eleanor elinor eliza elizabeth ella ellen emily
        emma esther eva fanny florence frances georgiana grace hannah harriet helen
        henrietta hillary isabella jane janet jennifer jessica joan josephine joyce judith
        julia julie karen kate katherine laura linda lisa louisa louise lucy lydia margaret
        maria marianne marie martha mary matilda melissa michelle nancy nora olivia pamela
        patricia penelope rachel rebecca rosa rose ruth sally sandra sarah sharon sophia
        sophie stephanie susan susannah theresa ursula victoria virginia
        """
    ),
}
"""Common first names of men and of women."""

HE = re.compile(r"\b(?:he|him|his|himself)\b", re.IGNORECASE)
SHE = re.compile(r"\b(?:she|her|hers|herself)\b", re.IGNORECASE)
PLACED = re.compile(r"\b(?:in|at|near|into)\s$", re.IGNORECASE)
