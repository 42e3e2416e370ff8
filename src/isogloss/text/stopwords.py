"""Words that say nothing about a subject: short lists of function words, by language."""

from collections.abc import Iterable, Mapping
from functools import cache

# Function words (articles, pronouns, prepositions, auxiliaries), written down for this file.
STOP_WORDS: dict[str, frozenset[str]] = {
    "en": frozenset(
        """a about above after again against all almost also although always am among an and another
        any anyone anything are aren't around as ask asked at away back be became because been before
        being below between both but by came can can't cannot come could couldn't did didn't do does
        doesn't doing don't done down during each either else enough etc even ever every everyone
        everything few find first for from further gave get gets getting give given go goes going gone
        good got great had hadn't has hasn't have haven't having he he'd he'll he's hello her here
        hers herself hi him himself his how however i i'd i'll i'm i've if i.e in into is isn't it
        it's its itself just keep kind know last least less let let's like likely look looking lot
        made make makes making many may maybe me mean might more most much must my myself need needs
        never new next no nobody none nor not nothing now of off often oh ok on once one ones only or
        other others otherwise our ours ourselves out over own people perhaps please pretty probably
        put quite rather re read really right said same saw say saying says see seem seems seen shall
        she she'd she's should shouldn't since so some someone something sometimes somewhere soon
        still such sure take taken tell than thank thanks that that's the their theirs them
        themselves then there there's therefore these they they'd they'll they're they've thing
        things think this those though thought through thus till to together too took toward tried
        try trying two under unless until up upon us use used uses using usually very want wanted
        wants was wasn't way we we'd we'll we're we've well went were weren't what what's whatever
        when where whether which while who who's whole whom whose why will with within without won't
        work would wouldn't wrote yes yet you you'd you'll you're you've your yours yourself
        d ll m s t ve don doesn didn isn wasn couldn wouldn shouldn won im ive id dont doesnt didnt
        cant wont thats isnt youre anyway actually able""".split()
    ),
    "de": frozenset(
        """aber alle allem allen aller alles als also am an ander andere anderen auch auf aus bei beim
        bin bis bist da dabei damit dann das dass dein deine dem den denn der des dich die dies diese
        diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines er es
        etwas euch euer für gegen habe haben hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr
        ihre ihrem ihren ihrer im in ins ist ja jede jedem jeden jeder jedes jetzt kann kein keine
        keinem keinen keiner können könnte machen man manche mehr mein meine mich mir mit muss nach
        nicht nichts noch nun nur ob oder ohne sehr sein seine seinem seinen seiner seit selbst sich
        sie sind so solche soll sondern sonst über um und uns unser unter viel vom von vor war waren
        was weil welche wenn wer werde werden wie wieder will wir wird wo wurde wurden zu zum zur
        zwar zwischen""".split()
    ),
    "fr": frozenset(
        """à afin ai ainsi alors après as au aucun aussi autre aux avant avec avez avoir avons c ce cela
        ces cet cette ceux chaque chez comme comment d dans de depuis des deux donc dont du elle elles
        en encore entre es est et étaient était été être eu eux fait faire fois font hors ici il ils
        j je jusqu l la le les leur leurs lui m ma mais me même mes moi moins mon n ne ni nos notre
        nous on ont ou où par parce pas pendant peu peut plus pour pourquoi qu quand que quel quelle
        qui quoi s sa sans se ses si sinon son sont sous sur t ta tandis te tes toi ton tous tout
        toute toutes très trop tu un une vers voici vos votre vous y""".split()
    ),
    "es": frozenset(
        """a al algo algunos ante antes aquí así aún aunque cada como con contra cual cuando de del
        desde donde dos durante e el él ella ellas ellos en entre era eran es esa esas ese eso esos
        esta está estaba están estas este esto estos fue fueron ha había han hasta hay la las le les
        lo los más me mi mientras mis mucho muy nada ni no nos nosotros nuestra nuestro o os otra
        otros para pero poco por porque puede pues que qué quien se sea según ser si sí sido sin
        sobre son su sus también tan tanto te tiene tienen toda todo todos tu tus un una uno unos usted
        y ya yo""".split()
    ),
    "it": frozenset(
        """a ad agli ai al alla alle allo anche ancora avere c che chi ci come con contro cui da dagli
        dai dal dalla dalle dallo degli dei del della delle dello di dove due e è ed era erano essere
        fra gli ha hanno ho i il in io l la le lei li lo loro lui ma me mi mia mio molto ne negli nei
        nel nella nelle nello noi non nostro o ogni per perché però più poi può quale quando quanto
        quella quelle quelli quello questa queste questi questo qui se sei si sia siamo sono sta stato
        su sua sue sugli sui sul sulla sulle suo suoi tra tu tutti tutto un una uno vi voi""".split()
    ),
    "pt": frozenset(
        """a ainda ao aos aquela aquele as até com como da das de dela dele deles depois do dos e é ela
        elas ele eles em entre era eram essa esse esta está estão este eu foi foram há isso isto já
        lhe mais mas me mesmo meu minha muito na não nas nem no nos nós nossa nosso num numa o os ou
        para pela pelas pelo pelos por porque quando que quem se sem ser seu seus só sua suas também
        te tem têm ter um uma você""".split()
    ),
    "nl": frozenset(
        """aan al alles als altijd andere ben bij daar dan dat de deze die dit doch doen door dus een
        en er ge geen geweest haar had heb hebben heeft hem het hier hij hoe hun iemand iets ik in is
        ja je kan kon kunnen maar me meer men met mij mijn moet na naar niet niets nog nu of om omdat
        onder ons ook op over reeds te tegen toch toen tot u uit uw van veel voor want waren was wat
        werd wezen wie wil worden wordt zal ze zelf zich zij zijn zo zonder zou""".split()
    ),
    "ru": frozenset(
        """а без более бы был была были было быть в вам вас весь во вот все всего всех вы где да даже
        для до его ее если есть еще же за здесь и из или им их к как ко когда кто ли либо мне может мы
        на над надо наш не него нее нет ни них но ну о об однако он она они оно от очень по под при с
        со так также такой там те тем то того тоже той только том ты у уже хотя чего чей чем что
        чтобы чье чья эта эти это я""".split()
    ),
    "hi": frozenset(
        """और का की के को में है हैं से पर यह वह ने कि जो भी हो था थी थे कर करने किया लिए एक तो ही या इस उस
        इन उन अपने गया गई जा रहा रही रहे नहीं साथ तक बाद कुछ सकता होता हुआ कोई जब तब अब मैं हम आप ये वे""".split()
    ),
    "mr": frozenset(
        """आणि आहे आहेत या ते ती तो हे ही हा व की का च पण तर मध्ये साठी वर नाही होते होता होती करून केले केली
        केला त्या त्यांनी त्याचा एक मी आपण असा अशी असे असून झाला झाली झाले जर तरी कर म्हणून म्हणाले काय आता""".split()
    ),
    "bn": frozenset(
        """এবং ও এই যে না করে তার হয় থেকে কি কে একটি জন্য আর আমি তুমি সে তারা আমার তোমার এর তা আছে হয়ে করা
        সাথে তবে কিন্তু কোন যা যদি মত সব এক হবে ছিল নয় এখন পর আপনি আমরা""".split()
    ),
}


def stop_words_for(frequency: Mapping[str, int], documents: int) -> frozenset[str]:
    """Unite the lists of the languages that a corpus speaks.

    A language counts when at least five of its words stand in a fiftieth of the documents or more.

    Parameters
    ----------
    frequency : mapping of str to int
        Documents that hold each word.
    documents : int
        Documents in all.

    Returns
    -------
    frozenset of str

    Examples
    --------
    >>> found = stop_words_for({"the": 9, "of": 8, "and": 9, "is": 7, "to": 9, "moon": 3}, 10)
    >>> "the" in found, "und" in found
    (True, False)
    """
    least = max(1.0, documents / 50)
    chosen: set[str] = set()
    for words in STOP_WORDS.values():
        present = sum(frequency.get(word, 0) >= least for word in words)
        if present >= 5:
            chosen |= words
    return frozenset(chosen)


def language_of(words: Iterable[str]) -> str | None:
    """Say in which language the function words of a text are, if any.

    Words of two lists tell them not apart: for each language those count that no English list has,
    and for English those that no other language has.

    Parameters
    ----------
    words : iterable of str
        Tokens of the text, in lower case.

    Returns
    -------
    str or None
        A key of `STOP_WORDS`: the language of most of them, English where two have as many; None
        for less than two.

    Examples
    --------
    >>> language_of("le chat est sur la table avec le chien".split())
    'fr'
    >>> language_of("the cat is on the table".split()), language_of(["chat"])
    ('en', None)
    """
    counts = dict.fromkeys(STOP_WORDS, 0)
    for word in words:
        for language in _languages().get(word, ()):
            counts[language] += 1
    most = max(counts, key=lambda language: counts[language])  # English is the first
    return most if counts[most] >= 2 else None


@cache
def _languages() -> dict[str, tuple[str, ...]]:
    """Give the languages whose function word a word is, without words of English and another."""
    english = STOP_WORDS["en"]
    others = frozenset[str]().union(*(held for name, held in STOP_WORDS.items() if name != "en"))
    found: dict[str, tuple[str, ...]] = dict.fromkeys(english - others, ("en",))
    for language, held in STOP_WORDS.items():
        for word in held - english:
            found[word] = (*found.get(word, ()), language)
    return found
