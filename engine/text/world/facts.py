"""The facts of the little world: its animals, people, countries, work, meals, moods and weather.

All statements of the texts come from here, so that a text can be checked. Japanese words after a particle
begin with kanji or katakana, because the tokenizer cuts there.
"""

from dataclasses import dataclass
from typing import Literal

Language = Literal["ja", "en"]


@dataclass(frozen=True, slots=True)
class Word:
    """A word in both languages."""

    ja: str
    en: str

    def __getitem__(self, language: Language) -> str:
        return self.ja if language == "ja" else self.en


@dataclass(frozen=True, slots=True)
class Animal:
    """An animal with its feature, food and move; animals that share one of them share its words."""

    ja: str
    en: str
    home: str  # a place's Japanese name
    feature: Word  # English with its article
    food: Word
    move: Word  # English without the s of the third person
    counter: str = "匹"
    plural: str = ""  # if it is not the name with an s

    def __getitem__(self, language: Language) -> str:
        return self.ja if language == "ja" else self.en

    @property
    def many(self) -> str:
        return self.plural or self.en + "s"

    @property
    def many_feature(self) -> str:
        """The feature without its article, in the plural: "a bushy tail" gives "bushy tails"."""
        article, _, rest = self.feature.en.partition(" ")
        if article not in ("a", "an"):
            return self.feature.en
        return f"{rest[:-1]}ies" if rest.endswith("dy") else f"{rest}s"

    @property
    def moves(self) -> str:
        """The move in the third person: "hop over the grass" gives "hops over the grass"."""
        verb, _, rest = self.move.en.partition(" ")
        return f"{verb}{'es' if verb.endswith(('ch', 'sh', 's')) else 's'} {rest}"


PLACES = {
    "森": Word("森", "forest"),
    "山": Word("山", "mountains"),
    "海": Word("海", "sea"),
    "池": Word("池", "pond"),
    "川": Word("川", "river"),
    "草原": Word("草原", "grassland"),
    "砂漠": Word("砂漠", "desert"),
    "牧場": Word("牧場", "farm"),
    "家": Word("家", "house"),
    "島": Word("島", "island"),
}
PREPOSITIONS = {"farm": "on", "island": "on", "river": "by", "pond": "by"}  # else "in"

# name, home, feature, food, way of moving: Japanese / English
_ANIMALS = """
ウサギ rabbit 森 長い耳/long ears ニンジン/carrots 草の上を跳ねる/hop over the grass
キツネ fox 森 太い尾/a bushy tail ネズミ/mice 木のかげを走る/sneak past the trees
フクロウ owl 森 丸い目/round eyes 虫/insects 夜の空を飛ぶ/glide through the night
コアラ koala 森 大きな耳/big ears ユーカリの葉/eucalyptus leaves 木にしがみつく/cling to the branches
熊 bear 山 鋭い爪/sharp claws 蜂蜜/honey 山道を歩く/growl at the wind
鹿 deer 山 枝のような角/branching antlers 若葉/young leaves 岩を飛び越える/leap over the rocks
猿 monkey 山 赤い顔/a red face 木の実/nuts 枝から枝へ渡る/swing from the branches
リス squirrel 山 小さな前足/tiny paws ドングリ/acorns 幹を駆け上がる/climb up the trunk
クジラ whale 海 巨大な口/a huge mouth オキアミ/krill 深く潜る/dive into the deep
イルカ dolphin 海 滑らかな肌/smooth skin イワシ/sardines 波の上に跳び上がる/jump over the waves
タコ octopus 海 八本の足/eight arms 貝/shellfish 岩のすきまに隠れる/hide between the rocks
サメ shark 海 鋭い歯/sharp teeth 魚/fish 静かに泳ぐ/swim without a sound
カメ turtle 池 固い甲羅/a hard shell 水草/water plants ゆっくり歩く/crawl along the bank
カエル frog 池 長い舌/a long tongue 虫/insects 大きな声で鳴く/croak in the evening
アヒル duck 池 黄色いくちばし/a yellow beak 水草/water plants 水の上に浮かぶ/paddle across the water
ワニ crocodile 川 巨大な口/a huge mouth 魚/fish 岸で待ち伏せる/wait under the surface
カワウソ otter 川 水かきのある足/webbed feet カニ/crabs 仰向けに浮かぶ/float on the water
ビーバー beaver 川 平たい尾/a flat tail 木の皮/bark 木を運ぶ/build a dam
ライオン lion 草原 金色のたてがみ/a golden mane 肉/meat 低い声でほえる/roar at the sun
キリン giraffe 草原 長い首/a long neck 若葉/young leaves 遠くを見渡す/stretch toward the sky
象 elephant 草原 長い鼻/a long trunk 果物/fruit 地面を踏み鳴らす/trumpet at the birds
シマウマ zebra 草原 黒い縞/black stripes 草/grass 群れで駆ける/gallop with the herd
ラクダ camel 砂漠 大きなこぶ/a big hump サボテン/cactus 砂の上を歩く/plod across the sand
ヘビ snake 砂漠 細長い体/a long body 卵/eggs 砂の中を進む/slither under the stones
犬 dog 家 鋭い鼻/a keen nose 骨/bones 門のそばで吠える/bark at the gate
猫 cat 家 柔らかい足/soft paws 魚/fish 窓辺で喉を鳴らす/purr at the window
馬 horse 牧場 丈夫なひづめ/strong hooves 干し草/hay 柵のそばを駆ける/trot along the fence
牛 cow 牧場 四つの胃/four stomachs 草/grass 日なたで寝る/moo at the farmer
羊 sheep 牧場 白い毛/white wool クローバー/clover 丘を登る/bleat on the hill
豚 pig 牧場 平らな鼻/a flat snout ジャガイモ/potatoes 泥の中で転がる/roll in the mud
ペンギン penguin 島 短い翼/short wings 魚/fish 氷の上を滑る/waddle over the ice
カモメ gull 島 白い翼/white wings イワシ/sardines 風に乗る/circle above the cliffs
"""
_COUNTERS = {
    "頭": "熊 鹿 クジラ イルカ サメ ワニ ライオン キリン 象 シマウマ ラクダ 馬 牛 羊 豚",
    "羽": "フクロウ アヒル ペンギン カモメ ウサギ",
}
_PLURALS = {
    "fox": "foxes", "deer": "deer", "octopus": "octopuses", "sheep": "sheep",
}  # fmt: skip


def _animals() -> tuple[Animal, ...]:
    counters = {name: counter for counter, names in _COUNTERS.items() for name in names.split()}
    found = []
    for line in _ANIMALS.strip().splitlines():
        ja, en, home, rest = line.split(" ", 3)
        feature, food, move = _pairs(rest)
        counter, plural = counters.get(ja, "匹"), _PLURALS.get(en, "")
        found.append(Animal(ja, en, home, feature, food, move, counter, plural))
    return tuple(found)


def _pairs(text: str) -> list[Word]:
    """Split "長い耳/long ears ニンジン/carrots" into words: a Japanese word begins after the English one before it."""
    words: list[list[str]] = []
    for part in text.split():
        if "/" in part:
            words.append(part.split("/"))
        else:
            words[-1][1] += " " + part
    return [Word(ja, en) for ja, en in words]


def _two(text: str) -> tuple[Word, Word]:
    first, second = _pairs(text)
    return first, second


ANIMALS = _animals()


def held_out(animal: Animal, place: str) -> bool:
    """Return whether no text of the world puts this animal at this place."""
    return place != animal.home and (ANIMALS.index(animal) + 3 * list(PLACES).index(place)) % 5 == 0


# --- People -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Role:
    """The words for a man and a woman of one role, and what both of them do."""

    man: Word
    woman: Word
    acts: tuple[Word, ...]  # English in the third person


ROLES = tuple(
    Role(Word(*man.split("/")), Word(*woman.split("/")), tuple(_pairs(acts)))
    for man, woman, acts in (
        (
            "王/king",
            "女王/queen",
            "国を治める/rules the country 玉座に座る/sits on the throne 王冠をかぶる/wears a golden crown "
            "家来に命令する/commands the knights",
        ),
        (
            "王子/prince",
            "王女/princess",
            "宮殿で育つ/grows up in the palace 塔から町を眺める/looks down from the tower "
            "白馬に乗る/rides a white pony 舞踏会を開く/opens the ball",
        ),
        (
            "男/man",
            "女/woman",
            "新聞を読む/reads a newspaper バスを待つ/waits for the bus 切符を買う/buys a ticket "
            "駅で電話する/telephones at the station",
        ),
        (
            "少年/boy",
            "少女/girl",
            "公園で遊ぶ/plays in the park 凧を揚げる/flies a kite 虫を集める/collects beetles "
            "ブランコをこぐ/sits on the swing",
        ),
        (
            "父/father",
            "母/mother",
            "夕食を作る/cooks dinner 宿題を見る/checks the homework 弁当を用意する/packs the lunch box "
            "洗濯物を干す/hangs up the washing",
        ),
        (
            "兄/brother",
            "姉/sister",
            "自転車を貸す/lends a bicycle ギターを弾く/plays the guitar 部屋を分け合う/shares the bedroom "
            "漫画を借りる/borrows a comic",
        ),
        (
            "祖父/grandfather",
            "祖母/grandmother",
            "昔話を聞かせる/tells old tales 縁側で休む/rests on the porch 薔薇を育てる/grows roses "
            "眼鏡を探す/looks for the glasses",
        ),
        (
            "叔父/uncle",
            "叔母/aunt",
            "正月に訪ねてくる/visits at New Year 土産を持ってくる/brings souvenirs 港町に住む/lives in a harbour town "
            "船旅を楽しむ/enjoys the voyage",
        ),
        (
            "夫/husband",
            "妻/wife",
            "結婚式を思い出す/remembers the wedding 指輪を選ぶ/chooses a ring 記念日を祝う/celebrates the anniversary "
            "新居を探す/looks for a new flat",
        ),
        (
            "息子/son",
            "娘/daughter",
            "積み木で遊ぶ/plays with blocks ゆりかごに入る/lies in the cradle 絵本をめくる/turns a picture book "
            "粘土をこねる/kneads the clay",
        ),
        (
            "俳優/actor",
            "女優/actress",
            "舞台に立つ/stands on the stage 台本を覚える/learns the script 映画に出る/appears in a film "
            "観客に手を振る/waves to the audience",
        ),
    )
)
NAMES = {
    "man": tuple(_pairs("太郎/Tom 健一/Ken 次郎/Jack 誠/Paul 翔太/Sam 大輔/Ben")),
    "woman": tuple(_pairs("花子/Anna 美咲/Mary 恵子/Kate 由美/Lucy 陽菜/Emma 彩/Rose")),
}
FAMILY_NAMES = tuple(
    _pairs(
        "田中/Smith 佐藤/Brown 鈴木/Wilson 高橋/Taylor 伊藤/Clark 山本/Hall 中村/Young 小林/Turner 加藤/Wright "
        "吉田/Scott 山田/Adams 松本/Nelson 井上/Carter 木村/Evans 清水/Parker 斎藤/Morgan"
    )
)

# --- Animals and their young --------------------------------------------------------------------------

# An animal and its young occur in the same contexts.
YOUNG = {
    "犬": Word("子犬", "puppy"),
    "猫": Word("子猫", "kitten"),
    "牛": Word("子牛", "calf"),
    "馬": Word("子馬", "foal"),
    "羊": Word("子羊", "lamb"),
    "豚": Word("子豚", "piglet"),
    "鹿": Word("子鹿", "fawn"),
    "熊": Word("子熊", "cub"),
    "象": Word("子象", ""),  # English calf and cub are ambiguous
    "猿": Word("子猿", ""),
    "アヒル": Word("雛", "duckling"),
    "カエル": Word("オタマジャクシ", "tadpole"),
    "フクロウ": Word("", "owlet"),
}

# --- Countries ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Country:
    name: Word
    capital: Word
    known_for: tuple[Word, ...]


COUNTRIES = tuple(
    Country(*_two(names), tuple(_pairs(known)))
    for names, known in (
        ("日本/Japan 東京/Tokyo", "寿司/sushi 桜/cherries 温泉/springs"),
        ("フランス/France パリ/Paris", "チーズ/cheese ワイン/wine 香水/perfume"),
        ("イタリア/Italy ローマ/Rome", "パスタ/pasta ピザ/pizza オペラ/opera"),
        ("エジプト/Egypt カイロ/Cairo", "ピラミッド/pyramids ミイラ/mummies ナツメヤシ/dates"),
        ("イギリス/England ロンドン/London", "紅茶/tea クリケット/cricket スコーン/scones"),
        ("ドイツ/Germany ベルリン/Berlin", "ソーセージ/sausages ビール/beer オルガン/organs"),
        ("スペイン/Spain マドリード/Madrid", "フラメンコ/flamenco パエリア/paella 闘牛/bullfights"),
        ("ロシア/Russia モスクワ/Moscow", "ボルシチ/borscht バレエ/ballet 毛皮/furs"),
        ("中国/China 北京/Beijing", "餃子/dumplings 絹/silk 長城/walls"),
        ("韓国/Korea ソウル/Seoul", "キムチ/kimchi 焼肉/barbecue 陶器/pottery"),
        ("インド/India デリー/Delhi", "香辛料/spices ヨガ/yoga サリー/saris"),
        ("ギリシャ/Greece アテネ/Athens", "オリーブ/olives 神殿/temples 神話/myths"),
    )
)

# --- Work ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Job:
    worker: Word
    place: Word
    things: tuple[Word, ...]  # what the worker uses, and what is at the place


JOBS = tuple(
    Job(*_two(names), tuple(_pairs(things)))
    for names, things in (
        ("医者/doctor 病院/hospital", "薬/medicine 包帯/bandages 注射器/syringes"),
        ("教師/teacher 学校/school", "黒板/blackboards 教科書/textbooks チョーク/chalk"),
        ("料理人/cook 台所/kitchen", "鍋/pots 包丁/knives 皿/plates"),
        ("農夫/farmer 農場/farmyard", "麦/wheat トラクター/tractors 種/seeds"),
        ("漁師/fisherman 港/harbour", "網/nets 漁船/boats 釣り竿/rods"),
        ("司書/librarian 図書館/library", "辞書/dictionaries 本棚/shelves 雑誌/magazines"),
        ("裁判官/judge 裁判所/court", "法律/laws 証拠/evidence 判決/verdicts"),
        ("僧侶/monk 寺/temple", "経典/scrolls 線香/incense 鐘/bells"),
        ("操縦士/pilot 空港/airport", "飛行機/planes 滑走路/runways 荷物/luggage"),
        ("科学者/scientist 研究所/laboratory", "顕微鏡/microscopes 試験管/tubes 実験/experiments"),
        ("銀行員/banker 銀行/bank", "金庫/safes 小切手/cheques 貯金/savings"),
        ("画家/painter 画室/studio", "絵の具/paint 筆/brushes 額縁/frames"),
    )
)

# --- Meals, moods, weather ----------------------------------------------------------------------------

# In percent, the same for everybody.
BREAKFAST = {
    Word("パン", "bread"): 30,
    Word("ご飯", "rice"): 25,
    Word("卵", "eggs"): 15,
    Word("ラーメン", "noodles"): 5,
    Word("サラダ", "salad"): 5,
    Word("果物", "fruit"): 5,
    Word("納豆", "beans"): 4,
    Word("豆腐", "tofu"): 4,
    Word("ヨーグルト", "yogurt"): 4,
    Word("魚", "fish"): 3,
}
DINNER = {
    Word("カレー", "curry"): 25,
    Word("シチュー", "stew"): 20,
    Word("蕎麦", "buckwheat"): 15,
    Word("ハンバーグ", "steak"): 15,
    Word("グラタン", "gratin"): 15,
    Word("天ぷら", "tempura"): 10,
}

MOODS = tuple(
    _pairs(
        "嬉しい/happy 悲しい/sad 楽しい/cheerful 寂しい/lonely 懐かしい/homesick 怖い/afraid 忙しい/busy 悔しい/angry "
        "苦しい/tired 恥ずかしい/shy"
    )
)
REASONS = tuple(
    _pairs(
        "誕生日だ/it is my birthday 友だちが遠くへ行った/my friend moved away 祭りがある/there is a festival "
        "家にだれもいない/nobody is at home 古い写真を見た/I saw an old photograph "
        "外が真っ暗だ/it is dark outside 仕事が多い/there is much work 試合に負けた/we lost the match "
        "坂道を走った/I ran up the hill 名前を間違えた/I forgot the name"
    )
)
WEATHER = tuple(_pairs("雨/rain 雪/snow 晴れ/sunshine 曇り/cloud 霧/fog 雷雨/thunder"))

# --- Things other than animals, as antecedents of "it" -------------------------------------------------


@dataclass(frozen=True, slots=True)
class Thing:
    name: Word
    place: Word
    feature: Word


THINGS = tuple(
    Thing(*_pairs(row))
    for row in (
        "建物/building 町/town 高い屋根/a high roof",
        "車/car 道/road 四つの車輪/four wheels",
        "花/flower 庭/garden 赤い花びら/red petals",
        "城/castle 丘/hill 厚い壁/thick walls",
        "船/ship 港/harbour 白い帆/white sails",
        "本/book 机/desk 古い表紙/an old cover",
        "木/tree 公園/park 太い枝/thick branches",
        "時計/clock 部屋/room 細い針/thin hands",
        "橋/bridge 谷/valley 石の柱/stone pillars",
        "箱/box 棚/shelf 重いふた/a heavy lid",
    )
)

# Statements about an animal without a name, which its place does not determine.
UNNAMED = tuple(
    _pairs("大きな耳/big ears 丸い目/round eyes 長い尾/a long tail 柔らかい毛/soft wool 強い足/strong legs")
)
UNNAMED_MOVES = tuple(_pairs("夜に歩く/walks at night 朝に走る/runs in the morning"))
