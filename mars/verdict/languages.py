"""Which script and which language a reply is in, from its letters and its most common words."""

import re
import unicodedata
from collections import Counter
from functools import cache
from typing import NamedTuple

FOREIGN_SHARE = 0.1
"""Share of letters of another script above which they are no loan word or symbol."""

_NAMED = {
    "cyrillic": "russian|ukrainian|bulgarian|serbian|cyrillic",
    "cjk": "chinese|mandarin|cantonese|japanese|kanji|korean",
    "hiragana": "japanese|hiragana",
    "katakana": "japanese|katakana",
    "hangul": "korean|hangul",
    "arabic": "arabic|persian|farsi|urdu",
    "hebrew": "hebrew|yiddish",
    "devanagari": "hindi|sanskrit|nepali|marathi",
    "greek": "greek",
    "thai": "thai",
}
"""Script -> words by which an English request asks for it."""
_TOGETHER = {"cjk": "east asian", "hiragana": "east asian", "katakana": "east asian", "hangul": "east asian"}
"""Scripts that stand beside each other in one language."""

ENGLISH = frozenset(
    [
        "a",
        "about",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "here",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "may",
        "me",
        "more",
        "most",
        "must",
        "my",
        "no",
        "not",
        "of",
        "on",
        "only",
        "or",
        "other",
        "our",
        "out",
        "over",
        "she",
        "should",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "too",
        "up",
        "us",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)
"""Function words of English."""
_OTHERS = {
    "German": """aber auch auf aus bei das dass dein dem den der des dich dir du ein eine einen einer einem er es
        für hier ich ihr ist kann kannst kein leider mit nach nicht noch oder schon sich sie sind und uns vom von vor
        wenn wie wir wird wo zu zum zur über""",
    "French": """au aux avec ce ces cette dans de des du elle elles en est et il ils je la le les leur mais ne nous
        on ou où par pas peut pour puis que qui sa se ses si son sont suis sur très un une vous votre à ça être""",
    "Spanish": """al algo con como de del donde el ella en era es esta este esto hay la las lo los más muy no para
        pero por puede puedes puedo que se si sí son su sus también tienes tu un una unas unos ya y yo qué sé""",
    "Italian": """al alla anche che chi ci come con così da dal dalla dei del della delle di dove e ed gli ho il in
        io la le lo ma mi nel nella non o ogni per perché più poi puoi posso se si sono su sul tra un una uno è""",
    "Portuguese": """ao aos com como da das de do dos e ela ele em esta este eu isso isto mais mas muito na nas no
        nos não o os ou para pela pelo por pode posso que se sem seu sua são também um uma você é à""",
    "Dutch": """aan als bij dan dat de deze die dit een en er geen het hij hoe ik is jij jou kan kunt maar met mijn
        naar niet nog of om ook op te tot uit van voor wat we wel worden zijn ze zo""",
    "Swedish": """att av den det de där du efter eller en ett från för han har hon hur inte jag kan man med men när
        och om på sig som så till var vi är över""",
    "Danish or Norwegian": """af alle at av den der det de du eller en er et for fra han har hun hvis hvor i ikke jeg
        kan med men når og om på seg sig som så til vi var å""",
    "Polish": """ale albo bardzo był być co czy dla do gdzie i ich jak jest jeśli które który lub ma mi może możesz
        na nad nie o od on oto po potem przed przez się są ta tak to tym w we wiem z za ze że""",
    "Czech": """a ale ani být co do i jak je jeho jsem jsou k kde která který má může na nebo není o od po pro před
        s se si tak to ve v z za že""",
    "Romanian": """ai al ale am ar care ce cu de din este eu fi fost în la mai nu o pe pentru poate prin sau se si
        sunt un unei unui vă și să că""",
    "Hungarian": """a az azt be csak de egy ez ezt hogy ha is kell lehet már meg mint nem és sem van vagy volt""",
    "Finnish": """ei en että hän ja jos joka kuin kun me minä mutta myös ne niin nyt on oli olla ole sen se sinä tai
        tämä voi voit""",
    "Turkish": """ama bir bu çok da daha de en gibi için ile ise kadar ki mi ne o olan olarak sonra var ve veya ya
        yok değil""",
    "Indonesian or Malay": """ada adalah akan anda apa atau bisa dan dapat dari dengan di ini itu juga kami karena ke
        kita maka pada saya sebuah tidak untuk yang""",
    "Vietnamese": """bạn bị các cho có của cũng đã để đến được hay không khi là làm một này người như những nó ở ra
        rất sẽ tôi trong từ và về với""",
    "Croatian or Serbian": """ali bi biti da do ga ili je kako koja koji kao li mi može na ne nije od po se su sa
        samo što to u uz za""",
    "Catalan": """amb això aquest com de del el els en és hi i la les li més no o per però que què se si són un una
        us""",
}
_FUNCTION_WORDS = {
    name: frozenset(word for word in words.split() if len(word) > 1 or not word.isascii()) - ENGLISH
    for name, words in _OTHERS.items()
}
"""Without single letters, which stand for much else, and without words that are English too."""
_WORD = re.compile(r"[^\W\d_]+")


class Script(NamedTuple):
    """The script that most letters outside Latin are of."""

    name: str
    """First word of Unicode's names of its letters, lower case."""
    share: float
    """Of all letters that are not Latin, whatever their script."""


@cache
def _script_of(letter: str) -> str:
    return unicodedata.name(letter, "unknown").split()[0].split("-")[0].lower()


def _foreign(text: str) -> Counter[str]:
    scripts = Counter(_script_of(letter) for letter in text if not letter.isascii() and letter.isalpha())
    del scripts["latin"], scripts["feminine"], scripts["masculine"], scripts["micro"], scripts["modifier"]
    return scripts


def foreign_script(text: str) -> Script | None:
    """The script of the letters that are not Latin, where they are more than FOREIGN_SHARE of all."""
    scripts = _foreign(text)
    if not scripts:
        return None
    share = scripts.total() / sum(letter.isalpha() for letter in text)
    return Script(scripts.most_common(1)[0][0], share) if share >= FOREIGN_SHARE else None


def is_expected_script(script: str, request: str | None) -> bool:
    """Whether a request is written in a script, in one that stands beside it, or asks for its language by name."""
    if request is None:
        return False
    group = _TOGETHER.get(script, script)
    if any(_TOGETHER.get(own, own) == group for own in _foreign(request)):
        return True
    return script in _NAMED and re.search(rf"\b(?:{_NAMED[script]})\b", request.lower()) is not None


def other_language(text: str) -> str | None:
    """The language in Latin letters whose function words a text uses more than English ones, if there is one.

    At least a sixth of the words, and two different ones, have to be its function words; or a quarter of the words
    have letters that English lacks.
    """
    words = _WORD.findall(text.lower())
    found = Counter({name: sum(word in known for word in words) for name, known in _FUNCTION_WORDS.items()})
    name, count = found.most_common(1)[0]
    english = sum(word in ENGLISH for word in words)
    if count > english and count * 6 >= len(words) and len(_FUNCTION_WORDS[name].intersection(words)) > 1:
        return name
    accented = sum(not word.isascii() for word in words)
    return "a language of accented letters" if accented > english and accented * 4 >= len(words) > 3 else None
