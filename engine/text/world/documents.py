"""Documents of a company with facts drawn at random each time, and questions about them.

An answer can only be read from the document, not memorised. The same questions also occur without a document:
a model that was trained to answer can then only make something up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from engine.text.world.facts import ANIMALS, BREAKFAST, DINNER, FAMILY_NAMES, PLACES, Language

MOST_FACTS = 10
FACT_COUNTS = (1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6, 7, 8, MOST_FACTS)  # each as likely as the others
OF_ONE_KIND = (1, 1, 2, 3)
MARKS = {"ja": ("質問：", "答え："), "en": ("Question: ", "Answer: ")}
TITLES = {
    "ja": ("社内のお知らせ", "会社の規則", "連絡事項", "総務部だより"),
    "en": ("Company notice", "House rules", "News from the office", "For all staff"),
}
RULES = {  # lines that no question asks about
    "ja": (
        "休む日が決まったら、早めに課長へ伝えてください。",
        "遅れるときは、始業の前に電話をしてください。",
        "会議室を使った後は、窓を閉めて明かりを消してください。",
        "資料は前の日までに用意してください。",
        "書類を社外へ持ち出すには、総務部の許可が必要です。",
        "交通費の領収書は、月末までに経理部へ出してください。",
        "来客があるときは、受付に知らせてください。",
        "予定は変わることがあります。",
    ),
    "en": (
        "Tell your manager early on which days you will be away.",
        "If you are late, please call before work begins.",
        "Close the windows and turn off the lights when you leave a room.",
        "Have your papers ready the day before.",
        "Ask the general office before you take documents home.",
        "Hand in your receipts by the end of the month.",
        "Tell the front desk when you expect a visitor.",
        "Times may change without notice.",
    ),
}
MONTHS = tuple(
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
DAYS = {
    "ja": [f"{day}曜日" for day in "月火水木金土日"],
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(),  # noqa: SIM905
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a document, a question about it, and the only right answer."""

    about: str  # no document has two facts about the same subject
    key: str
    value: str
    prose: str  # the line as a sentence
    question: str
    answer: str

    def line(self, rng: Random) -> str:
        return self.prose if rng.random() < 0.4 else f"{self.key}: {self.value}"


def held_out_date(month: int, day: int) -> bool:
    """Return whether no holiday in the training text begins on this date."""
    return (month + day) % 7 == 0


def facts(rng: Random, language: Language, testing: bool = False) -> list[Fact]:
    """Return one to MOST_FACTS facts about different subjects, one to three of a kind drawn together.

    With several facts of one kind, two holidays for example, only the subject's full name decides which of them
    answers a question. When `testing`, holidays have held-out dates.
    """
    kinds = KINDS[language]
    found: dict[str, Fact] = {}
    count = rng.choice(FACT_COUNTS)
    while len(found) < count:
        kind = rng.choice(kinds)
        for _ in range(min(rng.choice(OF_ONE_KIND), count - len(found))):
            fact = kind(rng, testing)
            found.setdefault(fact.about, fact)
    known = list(found.values())
    if rng.random() < 0.5:
        rng.shuffle(known)
    return known


def document(known: list[Fact], rng: Random) -> str:
    return "\n".join(fact.line(rng) for fact in known)


def _titled(text: str, rng: Random, language: Language) -> str:
    return text if rng.random() < 0.75 else f"{rng.choice(TITLES[language])}\n{text}"


def _ruled(text: str, rng: Random, language: Language) -> str:
    if rng.random() < 0.75:
        return text
    lines = text.split("\n")
    lines.insert(rng.randint(0, len(lines)), rng.choice(RULES[language]))
    return "\n".join(lines)


def ask(question: str, language: Language, document: str = "") -> str:
    """Return the prompt for an answer: the document, if any, the question, and "答え：" or "Answer:"."""
    asked, answered = MARKS[language]
    return f"{document}\n{asked}{question}\n{answered}".lstrip("\n").rstrip(" ")


def answered(rng: Random, language: Language) -> str:
    """Write a document, and questions about up to five of its facts with their answers."""
    known = facts(rng, language)
    text = _titled(_ruled(document(known, rng), rng, language), rng, language)
    for fact in rng.sample(known, min(len(known), rng.choice((2, 3, 4, 5)))):
        text = _told(ask(fact.question, language, text), fact.answer, language)
    return text


def made_up(rng: Random, language: Language) -> str:
    """Write a question without a document, and an answer."""
    fact = facts(rng, language)[0]
    return _told(ask(fact.question, language), fact.answer, language)


def repeated(rng: Random, language: Language) -> str:
    """Write words and numbers to be repeated: a model that can copy them can copy any line of a document."""
    known = [word[language] for word in (*BREAKFAST, *DINNER, *PLACES.values(), *FAMILY_NAMES)]
    known += [*DAYS[language], *(animal.ja if language == "ja" else animal.en for animal in ANIMALS)]
    known += MONTHS if language == "en" else [f"{month}月" for month in range(1, 13)]
    known += map(str, rng.sample(range(10, 10_000), 40))
    words = rng.sample(known, rng.randint(3, 7))
    if language == "ja":
        told = "、".join(words)
        return f"指示：次の言葉を繰り返してください。{told}。\n返事：{told}。"
    told = ", ".join(words)
    return f"Instruction: Repeat after me: {told}.\nReply: {told}."


def _told(asked: str, answer: str, language: Language) -> str:
    return asked + (" " if language == "en" else "") + answer


# --- Facts in Japanese -------------------------------------------------------------------------------


def _holiday_ja(rng: Random, testing: bool) -> Fact:
    name = rng.choice(("夏季休暇", "冬季休暇", "春季休暇", "秋季休暇", "特別休暇", "創立記念休暇"))
    year, (month, first, last) = rng.randint(2020, 2032), _holiday(rng, testing)
    return Fact(
        name,
        f"{year}年{name}",
        f"{month}月{first}日〜{last}日",
        f"{year}年の{name}は{month}月{first}日から{last}日までです。",
        rng.choice((f"今年の{name}の日程は?", f"今年の{name}はいつからいつまでですか?")),
        f"今年の{name}は{month}月{first}日から{last}日までです。",
    )


def _date_ja(rng: Random, _: bool) -> Fact:
    name = rng.choice(
        ("健康診断", "避難訓練", "社員旅行", "入社式", "忘年会", "運動会", "展示会", "新人研修", "報告書の締め切り")
    )
    month, day = rng.randint(1, 12), rng.randint(1, 28)
    when = f"{11 + month % 2 if name == '忘年会' else month}月{day}日"  # the year-end party
    return _plain_ja(name, when, f"{name}はいつですか?")


def _time_ja(rng: Random, _: bool) -> Fact:
    name = rng.choice(("朝礼", "営業会議", "企画会議", "全体会議", "面接", "説明会", "発表会"))
    hour, minutes = rng.randint(7, 19), rng.choice(("", "", "10分", "15分", "30分", "45分"))
    when = f"{7 + hour % 4 if name == '朝礼' else hour}時{minutes}"  # 朝礼 is the morning assembly
    return Fact(name, name, when, f"{name}は{when}からです。", f"{name}は何時からですか?", f"{name}は{when}からです。")


def _hours_ja(rng: Random, _: bool) -> Fact:
    name = rng.choice(("図書室", "食堂", "受付", "売店", "医務室", "駐車場", "倉庫"))
    opens, closes = rng.randint(6, 11), rng.randint(12, 22)
    told = f"{name}は{opens}時から{closes}時までです。"
    return Fact(name, name, f"{opens}時〜{closes}時", told, f"{name}は何時から何時までですか?", told)


def _room_ja(rng: Random, _: bool) -> Fact:
    return _plain_ja(f"{rng.choice(FAMILY_NAMES).ja}さんの部屋", f"{_number(rng, 3)}号室", "{}はどこですか?")


def _price_ja(rng: Random, _: bool) -> Fact:
    name = rng.choice(("定食", "弁当", "紅茶", "牛乳", "切手", "封筒", "手帳", "社員証"))
    return _plain_ja(f"{name}の値段", f"{rng.randint(5, 98) * 10}円", "{}はいくらですか?")


def _person_ja(rng: Random, _: bool) -> Fact:
    name = rng.choice(("社長", "部長", "課長", "係長", "担当者", "責任者", "案内係"))
    return _plain_ja(name, f"{rng.choice(FAMILY_NAMES).ja}さん", "{}はだれですか?")


def _extension_ja(rng: Random, _: bool) -> Fact:
    name = rng.choice(("人事部", "経理部", "営業部", "開発部", "総務部", "広報部"))
    return _plain_ja(f"{name}の内線番号", _number(rng, 4), "{}は何番ですか?")


def _size_ja(rng: Random, _: bool) -> Fact:
    name = rng.choice(("第一会議室", "第二会議室", "大会議室", "小会議室", "講堂"))
    return _plain_ja(f"{name}の定員", f"{rng.randint(4, 98)}人", "{}は何人ですか?")


def _day_ja(rng: Random, _: bool) -> Fact:
    name = rng.choice(("掃除の日", "ごみの日", "買い物の日", "図書室の休み", "食堂の休み", "洗濯の日"))
    return _plain_ja(name, rng.choice(DAYS["ja"]), "{}は何曜日ですか?")


def _leave_ja(rng: Random, _: bool) -> Fact:
    name = rng.choice(("有給休暇", "育児休暇", "病気休暇"))
    return _plain_ja(name, f"年{rng.randint(3, 40)}日", "{}は何日ですか?")


def _password_ja(rng: Random, _: bool) -> Fact:
    name = rng.choice(("今月の合言葉", "来月の合言葉"))
    return _plain_ja(name, f"「{rng.choice(ANIMALS).ja}」", "{}は何ですか?")


def _plain_ja(name: str, value: str, question: str) -> Fact:
    told = f"{name}は{value}です。"
    return Fact(name, name, value, told, question.format(name), told)


# --- Facts in English --------------------------------------------------------------------------------


def _holiday_en(rng: Random, testing: bool) -> Fact:
    name = rng.choice(("summer", "winter", "spring", "autumn", "special", "company"))
    year, (month, first, last) = rng.randint(2020, 2032), _holiday(rng, testing)
    when = f"from {MONTHS[month - 1]} {first} to {last}"
    return Fact(
        name,
        f"{name.capitalize()} holiday {year}",
        f"{MONTHS[month - 1]} {first} to {last}",
        f"The {name} holiday {year} is {when}.",
        rng.choice((f"When is the {name} holiday this year?", f"What are the dates of the {name} holiday this year?")),
        f"This year's {name} holiday is {when}.",
    )


def _date_en(rng: Random, _: bool) -> Fact:
    name = rng.choice(
        ("health check", "fire drill", "company trip", "welcome party", "sports day", "exhibition", "training course")
    )
    return _plain_en(name, f"{rng.choice(MONTHS)} {rng.randint(1, 28)}", "When is the {}?", "on ")


def _time_en(rng: Random, _: bool) -> Fact:
    name = rng.choice(("sales meeting", "planning meeting", "general meeting", "interview", "briefing", "rehearsal"))
    when = f"{rng.randint(7, 19)}:{rng.choice(('00', '00', '10', '15', '30', '45'))}"
    return _plain_en(name, when, "What time is the {}?", "at ")


def _hours_en(rng: Random, _: bool) -> Fact:
    name = rng.choice(("reading room", "canteen", "reception", "shop", "sick bay", "car park", "store room"))
    hours = f"from {rng.randint(6, 11)}:00 to {rng.randint(12, 22)}:00"
    told = f"The {name} is open {hours}."
    return Fact(name, name.capitalize(), hours, told, f"When is the {name} open?", told)


def _room_en(rng: Random, _: bool) -> Fact:
    name = f"{rng.choice(('Mr', 'Ms'))} {rng.choice(FAMILY_NAMES).en}"
    room = f"room {_number(rng, 3)}"
    told = f"The office of {name} is {room}."
    return Fact(name, f"Office of {name}", room, told, f"Where is the office of {name}?", told)


def _price_en(rng: Random, _: bool) -> Fact:
    name = rng.choice(("set lunch", "lunch box", "milk", "stamp", "envelope", "notebook", "name badge"))
    price = f"{rng.randint(5, 98) * 10} yen"
    told = f"The price of the {name} is {price}."
    return Fact(name, f"Price of the {name}", price, told, f"How much is the {name}?", told)


def _person_en(rng: Random, _: bool) -> Fact:
    name = rng.choice(("president", "director", "section chief", "manager", "guide", "secretary", "treasurer"))
    return _plain_en(name, f"{rng.choice(('Mr', 'Ms'))} {rng.choice(FAMILY_NAMES).en}", "Who is the {}?")


def _extension_en(rng: Random, _: bool) -> Fact:
    name = rng.choice(("personnel", "accounting", "sales", "development", "general affairs", "press")) + " extension"
    return _plain_en(name, _number(rng, 4), "What is the {}?")


def _size_en(rng: Random, _: bool) -> Fact:
    name = rng.choice(("first meeting room", "second meeting room", "large hall", "small hall", "lecture room"))
    seats = f"{rng.randint(4, 98)} people"
    told = f"The {name} holds {seats}."
    return Fact(name, f"Size of the {name}", seats, told, f"How many people does the {name} hold?", told)


def _day_en(rng: Random, _: bool) -> Fact:
    name = rng.choice(("cleaning day", "market day", "washing day", "library day", "casual day", "fruit day"))
    return _plain_en(name, rng.choice(DAYS["en"]), "Which day is the {}?")


def _leave_en(rng: Random, _: bool) -> Fact:
    name = rng.choice(("paid leave", "parental leave", "sick leave"))
    return _plain_en(name, f"{rng.randint(3, 40)} days a year", "How long is the {}?")


def _password_en(rng: Random, _: bool) -> Fact:
    name = rng.choice(("this month's password", "next month's password"))
    value = rng.choice(ANIMALS).en
    told = f"{name[0].upper()}{name[1:]} is {value}."
    return Fact(name, name[0].upper() + name[1:], value, told, f"What is {name}?", told)


def _plain_en(name: str, value: str, question: str, before: str = "") -> Fact:
    told = f"The {name} is {before}{value}."
    return Fact(name, name[0].upper() + name[1:], value, told, question.format(name), told)


def _holiday(rng: Random, testing: bool) -> tuple[int, int, int]:
    """Return a month, a first and a last day."""
    while True:
        month, first = rng.randint(1, 12), rng.randint(1, 24)
        if held_out_date(month, first) is testing:
            return month, first, rng.randint(first + 1, 28 if month == 2 else 30)


def _number(rng: Random, digits: int) -> str:
    return "".join([rng.choice("123456789"), *(rng.choice("0123456789") for _ in range(digits - 1))])


Kind = Callable[[Random, bool], Fact]
JAPANESE: tuple[Kind, ...] = (
    _holiday_ja, _holiday_ja, _date_ja, _time_ja, _hours_ja, _room_ja, _price_ja, _person_ja, _extension_ja,
    _size_ja, _leave_ja, _password_ja, _day_ja,
)  # fmt: skip
ENGLISH: tuple[Kind, ...] = (
    _holiday_en, _holiday_en, _date_en, _time_en, _hours_en, _room_en, _price_en, _person_en, _extension_en,
    _size_en, _leave_en, _password_en, _day_en,
)  # fmt: skip
KINDS: dict[Language, tuple[Kind, ...]] = {"ja": JAPANESE, "en": ENGLISH}
DATES: dict[Language, tuple[Kind, ...]] = {"ja": (_holiday_ja, _date_ja), "en": (_holiday_en, _date_en)}
