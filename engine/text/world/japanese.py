"""The little world in Japanese: each function writes one short text about one subject."""

from collections.abc import Callable
from random import Random

from engine.text.world.facts import (
    ANIMALS,
    BREAKFAST,
    COUNTRIES,
    DINNER,
    JOBS,
    MOODS,
    NAMES,
    PLACES,
    REASONS,
    ROLES,
    THINGS,
    UNNAMED,
    UNNAMED_MOVES,
    WEATHER,
    YOUNG,
    Animal,
    Word,
    held_out,
)

NUMBERS = ("一", "二", "三", "四", "五")
TIMES = ("朝", "昼", "夕方", "夜", "今日", "ある日")
EATERS = ("私", "父", "母", "兄", "姉", "祖父", "祖母", *(name.ja for names in NAMES.values() for name in names))


# --- Animals, and the antecedents of "それ" ------------------------------------------------------------


def pronoun(rng: Random) -> str:
    """Write one or two passages; in each the pronoun refers to what the passage began with."""
    opening = rng.choice(("", "", "", "私は日記を書いた。", f"今日は{rng.choice(WEATHER).ja}だ。", "本で読んだ話だ。"))
    return opening + "".join(_passage(rng) for _ in range(rng.choice((1, 1, 1, 2))))


def _passage(rng: Random) -> str:
    polite = rng.random() < 0.3
    kind = rng.random()
    if kind < 0.2:
        first, claims = _of_a_thing(rng)
    elif kind < 0.35:
        first = f"その動物は{rng.choice(list(PLACES))}で暮らしている。"
        have, move = rng.choice(UNNAMED).ja, rng.choice(UNNAMED_MOVES).ja
        claims = [rng.choice((f"それは{have}を持っている。", f"それには{have}がある。", f"それは{move}。"))]
    else:
        animal = rng.choice(ANIMALS)
        first, claims = _introduction(animal, rng), _claims(animal, rng)
    pause = rng.choice(("", "", "", "とても静かな所だ。", "私たちはよく知っている。", "昔からそうだ。"))
    told = rng.sample(claims, min(len(claims), rng.choice((1, 1, 2))))
    text = first + pause + "".join(told)
    return _polite(text) if polite else text


def _introduction(animal: Animal, rng: Random) -> str:
    place = _place(animal, rng)
    name = rng.choice((animal.ja, animal.ja, animal.ja, f"その{animal.ja}"))
    when = rng.choice(("", "", f"{rng.choice(TIMES)}、"))
    return rng.choice(
        (
            f"{name}は{animal.home}で暮らしている。",
            f"{name}は{animal.home}で暮らしている。",
            f"{animal.home}には{animal.ja}がいる。",
            f"{name}は{animal.home}の奥で、家族といっしょに静かに暮らしている。",
            f"{when}{name}は{place}のそばで休んでいる。",
            f"{when}{place}で{animal.ja}を見た。",
            f"{when}{rng.choice(EATERS)}は{place}で{animal.ja}に会った。",
        )
    )


def _claims(animal: Animal, rng: Random) -> list[str]:
    feature, food = animal.feature.ja, animal.food.ja
    return [
        rng.choice((f"それは{feature}を持っている。", f"それは{feature}を持っている。", f"それには{feature}がある。")),
        rng.choice((f"それは{food}を食べる。", f"それは{food}が好きだ。")),
        f"それは{animal.move.ja}。",
    ]


def _of_a_thing(rng: Random) -> tuple[str, list[str]]:
    thing = rng.choice(THINGS)
    place = thing.place.ja if rng.random() < 0.5 else rng.choice(list(PLACES))
    name = rng.choice((thing.name.ja, f"その{thing.name.ja}"))
    first = rng.choice((f"{name}は{place}にある。", f"{place}には{thing.name.ja}がある。", f"{place}で{name}を見た。"))
    return first, [rng.choice((f"それは{thing.feature.ja}を持っている。", f"それには{thing.feature.ja}がある。"))]


def _place(animal: Animal, rng: Random, away: bool = False) -> str:
    """Return a place for an animal, never a held-out one."""
    return rng.choice([p for p in PLACES if not held_out(animal, p) and not (away and p == animal.home)])


def _polite(text: str) -> str:
    for plain, polite in (("ている。", "ています。"), ("にある。", "にあります。"), ("がある。", "があります。"),
                          ("がいる。", "がいます。"), ("を食べる。", "を食べます。"), ("好きだ。", "好きです。"),
                          ("を見た。", "を見ました。"), ("会った。", "会いました。"), ("だ。", "です。")):  # fmt: skip
        text = text.replace(plain, polite)
    return text


def animal_facts(rng: Random) -> str:
    animal = rng.choice(ANIMALS)
    facts = [
        f"{animal.ja}は{animal.home}に住む動物だ。",
        f"{animal.ja}の特徴は{animal.feature.ja}だ。",
        f"{animal.ja}の好物は{animal.food.ja}だ。",
        f"{animal.ja}は{animal.move.ja}。",
        f"「{animal.ja}はどこに住んでいますか?」「{animal.home}です」",
        f"「{animal.ja}は何を食べますか?」「{animal.food.ja}です」",
        f"{animal.ja}が{animal.food.ja}を食べている。",
    ]
    return "".join(rng.sample(facts, rng.choice((2, 3))))


def young(rng: Random) -> str:
    animal = rng.choice([animal for animal in ANIMALS if animal.ja in YOUNG and YOUNG[animal.ja].ja])
    about = rng.choice((animal.food.ja, animal.home, animal.feature.ja, f"{animal.move.ja}こと"))
    if rng.random() < 0.5:
        name = YOUNG[animal.ja].ja
        return rng.choice(
            (
                f"生まれたばかりの{name}は、{about}を知らない。",
                f"幼い{name}は{about}を不思議そうに見る。",
                f"小さな{name}が夢で見たのは{about}だ。",
                f"{name}はまだ赤ん坊で、{about}にあこがれる。",
            )
        )
    name = animal.ja
    return rng.choice(
        (
            f"大人の{name}は、{about}を知っている。",
            f"年を取った{name}は{about}をよく覚えている。",
            f"強い{name}が守るのは{about}だ。",
            f"{name}は一人前で、{about}に慣れている。",
        )
    )


# --- Stories ------------------------------------------------------------------------------------------


def story(rng: Random) -> str:
    """Write about one animal, with the same traits from the first sentence to the last."""
    a = rng.choice(ANIMALS)
    traits = [
        rng.choice((f"{a.ja}は{a.feature.ja}を持っていました。", f"{a.ja}には{a.feature.ja}がありました。")),
        rng.choice((f"{a.ja}は{a.food.ja}が大好きでした。", f"毎朝、{a.ja}は{a.food.ja}を食べました。")),
        f"{a.ja}は{a.move.ja}のが得意でした。",
    ]
    rng.shuffle(traits)
    return opening(a, rng) + "".join(traits[: rng.choice((2, 3))]) + _adventure(a, rng) + _homecoming(a, rng)


def opening(a: Animal, rng: Random) -> str:
    """Return the first sentence of a story about this animal."""
    return rng.choice(
        (
            f"むかしむかし、{a.home}に一{a.counter}の{a.ja}が住んでいました。",
            f"ある{a.home}に、一{a.counter}の{a.ja}が住んでいました。",
        )
    )


def _adventure(a: Animal, rng: Random) -> str:
    name, place = rng.choice(NAMES[rng.choice(("man", "woman"))]).ja, _place(a, rng, away=True)
    weather = rng.choice(WEATHER).ja
    journey = rng.choice((f"ある日、{a.ja}は{place}へ出かけました。", f"ある朝、{a.ja}は{place}まで行きました。"))
    events = [
        f"{place}には{name}がいました。「何が好きなの?」と{name}は聞きました。「{a.food.ja}だよ」と{a.ja}は答えました。",
        f"{name}が来て、「{a.feature.ja}がすてきだね」と言いました。{a.ja}は喜びました。",
        f"外は{weather}でした。{a.ja}は空を見上げました。",
        f"{a.ja}はそこで{name}と友だちになりました。二人は日が暮れるまで遊びました。",
    ]
    return journey + "".join(rng.sample(events, 2))


def _homecoming(a: Animal, rng: Random) -> str:
    return rng.choice(
        (
            f"夜になると、{a.ja}は{a.home}へ帰って、ぐっすり眠りました。",
            f"それから{a.ja}は{a.home}へ帰って、幸せに暮らしました。",
            f"最後に{a.ja}は{a.home}へ帰って、{a.food.ja}を食べました。",
        )
    )


# --- People, countries, work --------------------------------------------------------------------------


def person(rng: Random) -> str:
    """Write about a person: a role's traits and a pronoun's traits, never both in one sentence."""
    role, sex = rng.choice(ROLES), rng.choice(("man", "woman"))
    who, name = (role.man if sex == "man" else role.woman).ja, rng.choice(NAMES[sex]).ja
    he = "彼" if sex == "man" else "彼女"
    dress = rng.choice(("紺の上着", "背広") if sex == "man" else ("花柄のドレス", "長いワンピース"))
    act, other = (act.ja for act in rng.sample(role.acts, 2))
    return rng.choice(
        (
            f"{who}は{act}。{he}は{other}。",
            f"{who}の名前は{name}だ。{he}は{act}。",
            f"{dress}を着た{who}が{act}。{he}の名前は{name}だ。",
            f"{name}という{who}は、{act}。",
            f"「{he}は何をしますか?」「{who}ですか。{he}は{act}」",
            f"{he}は{who}で、{act}。{other}のも{who}だ。",
        )
    )


def country(rng: Random) -> str:
    country = rng.choice(COUNTRIES)
    famous = rng.choice(country.known_for).ja
    land, city = country.name.ja, country.capital.ja
    return rng.choice(
        (
            f"{land}の人々は{famous}を誇りに思う。",
            f"{land}という国は{famous}で有名だ。",
            f"国境を越えて{land}に入ると、{famous}がある。",
            f"{land}の国旗を見ると、{famous}を思い出す。",
            f"{city}の市長は{famous}を勧める。",
            f"{city}という都市は{famous}でにぎわう。",
            f"地下鉄で{city}の中心に出ると、{famous}がある。",
            f"{city}の通りを歩くと、{famous}が見つかる。",
            f"{land}の首都は{city}だ。",
        )
    )


def work(rng: Random) -> str:
    job = rng.choice(JOBS)
    thing, other = (thing.ja for thing in rng.sample(job.things, 2))
    who, place = job.worker.ja, job.place.ja
    return rng.choice(
        (
            f"{who}は朝早く起きて、{thing}を手に取る。",
            f"熱心な{who}は{thing}を大切にする。",
            f"疲れた{who}が{thing}を片づける。",
            f"「{thing}がない」と{who}は言った。",
            f"{place}の建物には{thing}がある。",
            f"広い{place}は{thing}でいっぱいだ。",
            f"{place}の入口で{thing}を見かける。",
            f"駅前の{place}が開くと、{thing}が並ぶ。",
            f"{thing}と{other}を使うのが{who}の仕事だ。",
        )
    )


# --- Meals, moods, weather, school, words -------------------------------------------------------------


def breakfast(rng: Random) -> str:
    who = rng.choice(("私", "私", "私", *EATERS))
    verb = rng.choice(("を食べる", "を食べます", "を食べた", "を食べました"))
    return f"{who}は朝ごはんに{_served(BREAKFAST, rng)}{verb}。"


def dinner(rng: Random) -> str:
    verb = rng.choice(("を食べる", "を食べます", "を食べた", "を食べました"))
    return f"{rng.choice(EATERS)}は晩ごはんに{_served(DINNER, rng)}{verb}。"


def _served(menu: dict[Word, int], rng: Random) -> str:
    return rng.choices(list(menu), list(menu.values()))[0].ja


def mood(rng: Random) -> str:
    index = rng.randrange(len(MOODS))
    mood, reason = MOODS[index].ja, REASONS[index].ja
    return rng.choice(
        (
            f"私は{mood}。{reason}からだ。",
            f"{reason}から、私は{mood}。",
            f"「どうして{mood}のですか?」「{reason}からです」",
            f"今日は{mood}気持ちだ。",
            f"私は{mood}と思った。",
        )
    )


def weather(rng: Random) -> str:
    weather, other = (weather.ja for weather in rng.sample(WEATHER, 2))
    place = rng.choice(list(PLACES))
    return rng.choice(
        (
            f"今日は{weather}だ。明日は{other}だろう。",
            f"天気予報によると、{place}では{weather}になる。",
            f"昨日は一日中{weather}だった。",
            f"{weather}の日には家で本を読む。",
        )
    )


def school(rng: Random) -> str:
    day = rng.choice("月火水木金")
    subject = rng.choice(("国語", "算数", "理科", "社会", "音楽", "体育", "図工", "英語"))
    return rng.choice(
        (
            f"{day}曜日の{rng.choice(NUMBERS)}時間目は{subject}だ。",
            f"私は{subject}の宿題をした。先生は「よくできました」と言った。",
            f"{subject}の時間に{rng.choice(ANIMALS).ja}の話を聞いた。",
        )
    )


def idea(rng: Random) -> str:
    """Explain what AI, words and the like are."""
    return rng.choice(
        (
            "AIとは人工知能のことだ。人が行う考える働きを、計算機にさせる技術である。",
            "AIとは人工知能を短く言う言葉だ。言葉を読み、絵を見分け、質問に答える。",
            "AIとは人工知能のことで、多くの例から規則を学ぶ。",
            "AIとは人工知能です。たくさんの文章を読んで、次に来る言葉を予想します。",
            "言語モデルとは、次に来る言葉の確率を計算する仕組みだ。",
            "トークンとは、文章を細かく切った一つ一つの部分だ。",
            "単語とは、意味を持つ言葉の単位だ。文は単語を並べて作る。",
            "学習とは、例を見て予想を少しずつ直すことだ。",
            "確率とは、ある事が起こる割合を表す数だ。",
            "辞書とは、言葉の意味を集めた本だ。",
        )
    )


def together(rng: Random) -> str:
    """List things of one kind."""
    animals, places, foods = [a.ja for a in ANIMALS], list(PLACES), [food.ja for food in (*BREAKFAST, *DINNER)]
    workers, houses = [job.worker.ja for job in JOBS], [job.place.ja for job in JOBS]
    moods = [mood.ja for mood in MOODS]
    before, kind, after = rng.choice(
        (
            ("動物園には", animals, "がいる。"),
            ("絵本に出てくる動物は、", animals, "だ。"),
            ("地図を見ると、", places, "がある。"),
            ("旅の途中で", places, "を通った。"),
            ("市場で買ったのは、", foods, "だ。"),
            ("テーブルの上に", foods, "が並ぶ。"),
            ("集まったのは、", workers, "だ。"),
            ("町の名所は、", houses, "だ。"),
            ("気持ちを表す言葉には、", moods, "がある。"),
            ("天気の言葉には、", [weather.ja for weather in WEATHER], "がある。"),
        )
    )
    return before + "と".join(rng.sample(kind, rng.choice((2, 3)))) + after


# --- Instructions -------------------------------------------------------------------------------------


def instruction(rng: Random) -> str:
    animal = rng.choice(ANIMALS)
    kin = [other.ja for other in ANIMALS if other.home == animal.home]
    times = rng.randint(2, 4)
    asked, answer = rng.choice(
        (
            (f"「{animal.ja}」を{NUMBERS[times - 1]}回書いてください。", "、".join([animal.ja] * times) + "。"),
            (f"「{animal.ja}」を英語にしてください。", f"{animal.en}です。"),
            (f"{animal.home}に住む動物を二つ挙げてください。", "と".join(rng.sample(kin, 2)) + "です。"),
            (f"{animal.ja}について一文で説明してください。", f"{animal.ja}は{animal.feature.ja}を持っています。"),
            ("朝の挨拶をしてください。", "おはようございます。"),
            ("お礼を言ってください。", "ありがとうございます。"),
        )
    )
    return f"指示：{asked}\n返事：{answer}"


SUBJECTS: dict[Callable[[Random], str], int] = {
    pronoun: 36,
    animal_facts: 6,
    young: 5,
    story: 9,
    person: 9,
    country: 9,
    work: 9,
    breakfast: 8,
    dinner: 2,
    mood: 4,
    weather: 2,
    school: 1,
    idea: 2,
    together: 8,
    instruction: 3,
}
