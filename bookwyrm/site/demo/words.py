"""The words an invented library is made of, language by language.

Nouns stand with their article and are used where no other word has to bend to them, so that every sentence is right.
All names are made up of common parts; no author, title or publisher is meant to exist.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    code: str
    given_names: tuple[str, ...]
    family_names: tuple[str, ...]
    things: tuple[str, ...]
    titles: tuple[str, ...]
    subtitles: tuple[str, ...]
    series: tuple[str, ...]
    openings: tuple[str, ...]
    turns: tuple[str, ...]
    endings: tuple[str, ...]
    biographies: tuple[str, ...]
    publishers: tuple[str, ...]
    praise: tuple[str, ...]
    doubts: tuple[str, ...]
    afterthoughts: tuple[str, ...]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.replace("\n", " ").split(",") if word.strip())


ENGLISH = Language(
    "en",
    _words("Ada, Edwin, Harriet, Jonas, Maud, Silas, Ottilie, Rafe, Winifred, Caleb, Iris, Tobias, Nell, Alasdair"),
    _words(
        "Harrowby, Quill, Fennimore, Ashdown, Marlowe-Reed, Tarrant, Penhallow, Okafor, Lindqvist, Brackenridge, "
        "Sato, Whitlock, Greave, Adeyemi"
    ),
    _words(
        "The Lighthouse, The Orchard, A Borrowed Winter, The Salt Road, The Quiet Engine, A Map of Rain, The Ferryman, "
        "The Glass Harbour, The Ninth Letter, The Heron, The Last Timetable, The Understudy, A Small Republic, "
        "The Beekeeper, The Paper Coast, The Long Corridor, The Ember, The Cartographer, A Second Sky, The Tidewall"
    ),
    _lines("""
        {one}
        {one} and {two}
        Before {one_low}
        What {one_low} Knew
        Where {one_low} Begins
        Nobody Sold {one_low}
        {one}, Unfinished
        {one} at {place}
        {one} and the Road to {place}
    """),
    _words("A Novel, Stories, A Memoir in Six Rooms, A Short History, Essays, A Mystery"),
    _words("The Harbour Books, Winter Quartet, The Tidewall Chronicles"),
    _lines("""
        The year the river froze, {who} inherits a house with one room too many.
        Nobody in the village remembers {who} leaving, and everybody remembers the coming back.
        A letter sent forty years ago reaches {who} on the morning of a strike.
        {who} repairs clocks for people who would rather not know the time.
        On the last island with a cinema, {who} sells the final ticket.
    """),
    _lines("""
        What begins as an inventory becomes a trial, and then a love story told backwards.
        A stranger asks for a map of a place that was never built.
        Between two ferries there is just enough time to change a life, or to ruin one.
        The answer has been painted over, more than once, on the same wall.
        Three sisters, two versions and one photograph do not add up.
    """),
    _lines("""
        A book about what we keep, and what keeps us.
        Told with dry humour and great tenderness.
        A quiet novel that is hard to put down.
        For everyone who has ever missed a train on purpose.
    """),
    _lines("""
        {name} grew up above a bakery and has written ever since at four in the morning.
        {name} was a surveyor before turning to fiction, and still measures rooms on entering them.
        {name} lives on a narrowboat with two typewriters and no telephone.
    """),
    _words("Harbour & Finch, Small Hours Press, Lantern Row, Northlight Books, The Greenhouse Imprint"),
    _lines("""
        I read it in one night and was late for everything the next day.
        Every sentence has been weighed. Nothing is heavy.
        The best last chapter I have read in years.
        I gave it to my mother, and now she quotes it at me.
    """),
    _lines("""
        The middle drags a little, as middles do.
        I wanted to like the narrator more than I did.
        A fine idea, told twice.
    """),
    _lines("""
        Worth it for the ferry scene alone.
        Read it slowly.
        I shall come back to it in winter.
        The cover is lovely too.
    """),
)

FRENCH = Language(
    "fr",
    _words("Solène, Basile, Apolline, Gaspard, Maïwenn, Octave, Léonie, Thibault, Noémie, Anselme, Clémence, Yann"),
    _words(
        "Garambois, Le Tellec, Vauquelin, Desroseaux, Mbarga, Fontanel, Kervella, Aubrac-Morin, Perdrizet, Sylvestre, "
        "Bensaïd, Rochebrune"
    ),
    _words(
        "Le phare, La rivière, L’hiver emprunté, Le verger, La dernière gare, Le passeur, La chambre d’écho, "
        "Le silence des tuiles, La neuvième lettre, Le héron, La petite république, L’apicultrice, Le papier carbone, "
        "La marée haute, Le long couloir, L’île sans cinéma, La cartographe, Le second ciel"
    ),
    _lines("""
        {one}
        {one} et {two}
        Avant {one_low}
        Sous {one_low}
        Là où commence {one_low}
        Personne n’a vendu {one_low}
        {one} n’attend pas
        {one} de {place}
        {one} et le silence de {place}
    """),
    _words("Roman, Nouvelles, Récit, Une brève histoire, Essais, Enquête"),
    _words("Les Cahiers du port, Quatuor d’hiver, Les Chroniques de la digue"),
    _lines("""
        L’année où la rivière a gelé, {who} hérite d’une maison qui compte une pièce de trop.
        Au village, personne ne se souvient du départ de {who}, mais tous racontent le retour.
        Une lettre envoyée il y a quarante ans parvient à {who} le matin d’une grève.
        {who} répare des horloges pour des gens qui préfèrent ignorer l’heure.
    """),
    _lines("""
        Ce qui commence comme un inventaire devient un procès, puis une histoire d’amour racontée à rebours.
        Entre deux bacs, il reste juste assez de temps pour changer une vie.
        Trois sœurs, deux versions et une seule photographie ne s’accordent pas.
        La réponse a été repeinte plusieurs fois sur le même mur.
    """),
    _lines("""
        Un livre sur ce que l’on garde et sur ce qui nous garde.
        Un roman discret, difficile à refermer.
        Avec un humour sec et une grande tendresse.
    """),
    _lines("""
        {name} a grandi au-dessus d’une boulangerie et écrit depuis lors à quatre heures du matin.
        {name} a longtemps été géomètre et mesure encore les pièces en y entrant.
        {name} vit sur une péniche avec deux machines à écrire et sans téléphone.
    """),
    _words("Éditions du Lavoir, La Petite Écluse, Encre & Tilleul, Maison Garance, Les Heures pâles"),
    _lines("""
        Lu en une nuit ; le lendemain j’étais en retard partout.
        Chaque phrase est pesée, rien n’est lourd.
        Le plus beau dernier chapitre que j’aie lu depuis des années.
    """),
    _lines("""
        Le milieu traîne un peu, comme souvent.
        J’aurais voulu aimer davantage la voix qui raconte.
    """),
    _lines("""
        Rien que pour la scène du bac.
        À lire lentement.
        J’y reviendrai en hiver.
    """),
)

GERMAN = Language(
    "de",
    _words("Mathilde, Lorenz, Henrike, Anselm, Wiebke, Korbinian, Thea, Ruben, Jördis, Albrecht, Leni, Falk"),
    _words(
        "Achterberg, Wildenhain, Mühlbach, Terhorst, Sandrock, Yıldız, Quandt-Ohm, Steinmetzer, Feddersen, Birnbaum, "
        "Lohgerber, Zeisig"
    ),
    _words(
        "Der Leuchtturm, Die Salzstraße, Das leere Gleis, Der Obstgarten, Die neunte Karte, Der Fährmann, "
        "Das zweite Zimmer, Die Imkerin, Der Reiher, Das Papierboot, Die kleine Republik, Der lange Flur, "
        "Die Glut, Das Uhrwerk, Der geliehene Winter, Die Küste"
    ),
    _lines("""
        {one}
        {one} und {two}
        Als {one_low} kam
        Wo {one_low} beginnt
        {one} wartet nicht
        Was {one_low} wusste
        {one} von {place}
        {one} und der Weg nach {place}
    """),
    _words("Roman, Erzählungen, Ein Bericht, Eine kurze Geschichte, Essays, Kriminalroman"),
    _words("Die Hafenbücher, Winterquartett, Chronik der Mole"),
    _lines("""
        In dem Jahr, als der Fluss zufror, erbt {who} ein Haus mit einem Zimmer zu viel.
        Im Dorf weiß niemand mehr, wann {who} fortging, aber alle erzählen von der Rückkehr.
        Ein vierzig Jahre alter Brief erreicht {who} am Morgen eines Streiks.
    """),
    _lines("""
        Was als Bestandsaufnahme beginnt, wird zum Prozess und dann zu einer rückwärts erzählten Liebesgeschichte.
        Zwischen zwei Fähren bleibt gerade genug Zeit, um ein Leben zu ändern.
        Drei Schwestern, zwei Fassungen und ein Foto passen nicht zusammen.
    """),
    _lines("""
        Ein Buch über das, was wir behalten.
        Ein leiser Roman, den man schwer aus der Hand legt.
        Mit trockenem Humor und viel Zärtlichkeit erzählt.
    """),
    _lines("""
        {name} wuchs über einer Bäckerei auf und schreibt seither um vier Uhr morgens.
        {name} lebt auf einem Hausboot mit zwei Schreibmaschinen und ohne Telefon.
    """),
    _words("Verlag am Siel, Edition Zeitlupe, Kranich & Partner, Nachtzug Verlag"),
    _lines("""
        In einer Nacht gelesen und am nächsten Tag überall zu spät gekommen.
        Jeder Satz ist gewogen, keiner ist schwer.
        Das schönste letzte Kapitel seit Jahren.
    """),
    _lines("""
        Die Mitte zieht sich, wie Mitten das tun.
        Eine gute Idee, zweimal erzählt.
    """),
    _lines("""
        Allein wegen der Fährszene.
        Langsam lesen.
    """),
)

SPANISH = Language(
    "es",
    _words("Jimena, Baltasar, Rocío, Fermín, Nuria, Leandro, Amparo, Ulises, Paloma, Ciro, Inés, Tadeo"),
    _words(
        "Olmedilla, Zubeldia, Carranza Luna, Villarrubia, Quiñones, Echarri, Salvatierra, Peñalba, Montenegro Ríos, "
        "Arístegui, Bolaños Vera, Cifuentes"
    ),
    _words(
        "El faro, La ruta de la sal, El huerto, La novena carta, El barquero, La última estación, "
        "El invierno prestado, La garza, La república pequeña, El largo pasillo, La apicultora, El segundo cielo, "
        "La costa de papel, El reloj"
    ),
    _lines("""
        {one}
        {one} y {two}
        Donde empieza {one_low}
        Antes fue {one_low}
        {one} no espera
        {one} de {place}
        {one} y el silencio de {place}
        Bajo {one_low}
    """),
    _words("Novela, Cuentos, Memorias, Una breve historia, Ensayos"),
    _words("Los cuadernos del puerto, Cuarteto de invierno"),
    _lines("""
        El año en que se heló el río, {who} hereda una casa con una habitación de más.
        En el pueblo nadie recuerda la partida de {who}, pero todos cuentan el regreso.
        Una carta enviada hace cuarenta años llega a {who} la mañana de una huelga.
    """),
    _lines("""
        Lo que empieza como un inventario se vuelve un juicio, y luego una historia de amor contada al revés.
        Entre dos transbordadores queda el tiempo justo para cambiar una vida.
        Tres hermanas, dos versiones y una sola fotografía no cuadran.
    """),
    _lines("""
        Un libro sobre lo que guardamos.
        Una novela callada que cuesta cerrar.
        Con humor seco y mucha ternura.
    """),
    _lines("""
        {name} creció encima de una panadería y desde entonces escribe a las cuatro de la mañana.
        {name} vive en un barco con dos máquinas de escribir y sin teléfono.
    """),
    _words("Editorial La Acequia, Ediciones Mirlo, Casa del Alba, Tinta y Almendro"),
    _lines("""
        Lo leí en una noche y al día siguiente llegué tarde a todo.
        Cada frase está medida y ninguna pesa.
    """),
    _lines("""
        La parte central se alarga un poco.
        Una buena idea, contada dos veces.
    """),
    _lines("""
        Vale la pena solo por la escena del transbordador.
        Para leer despacio.
    """),
)

ITALIAN = Language(
    "it",
    _words("Ginevra, Ettore, Ludovica, Saverio, Marzia, Corrado, Viola, Tancredi, Agnese, Ruggero, Livia, Nando"),
    _words(
        "Castelvetro, Del Pozzo, Montaldo, Serrapiana, Belgiorno, Vallesi, Torrigiani, Malaspina Conti, Furlan, "
        "Acquarone, Sorrentini, Bragadin"
    ),
    _words(
        "Il faro, La via del sale, Il frutteto, La nona lettera, Il traghettatore, L’ultima stazione, "
        "L’inverno in prestito, L’airone, La piccola repubblica, Il lungo corridoio, "
        "L’apicultrice, Il secondo cielo, La costa di carta"
    ),
    _lines("""
        {one}
        {one} e {two}
        Dove comincia {one_low}
        Prima era {one_low}
        {one} non aspetta
        {one} di {place}
        {one} e il silenzio di {place}
        Sotto {one_low}
    """),
    _words("Romanzo, Racconti, Una breve storia, Saggi"),
    _words("I quaderni del porto, Quartetto d’inverno"),
    _lines("""
        L’anno in cui gelò il fiume, {who} eredita una casa con una stanza di troppo.
        Una lettera spedita quarant’anni fa raggiunge {who} la mattina di uno sciopero.
    """),
    _lines("""
        Quello che comincia come un inventario diventa un processo, poi una storia d’amore raccontata al contrario.
        Tre sorelle, due versioni e una sola fotografia non tornano.
    """),
    _lines("""
        Un libro su ciò che teniamo con noi.
        Un romanzo quieto, difficile da chiudere.
    """),
    _lines("""
        {name} vive su una chiatta con due macchine da scrivere e senza telefono.
    """),
    _words("Edizioni La Lanterna, Tiglio Editore, Officina del Molo"),
    _lines("""
        Letto in una notte; il giorno dopo ero in ritardo ovunque.
        Ogni frase è pesata e nessuna pesa.
    """),
    _lines("""
        La parte centrale si trascina un po’.
    """),
    _lines("""
        Da leggere piano.
        Ci tornerò d’inverno.
    """),
)

PORTUGUESE = Language(
    "pt",
    _words("Benedita, Caetano, Luzia, Amadeu, Filipa, Vasco, Iracema, Tomé, Graça, Durval, Inês, Jacinto"),
    _words(
        "Vasconcelos Pinto, Albuquerque Dias, Serpa, Moniz, Tavira, Carvalhal, Figueiró, Brandão Leal, Noronha, "
        "Quintela, Espírito-Novo, Laranjeira"
    ),
    _words(
        "O farol, A rota do sal, O pomar, A nona carta, O barqueiro, A última estação, O inverno emprestado, A garça, "
        "A pequena república, O longo corredor, A apicultora, O segundo céu, A costa de papel, O relógio"
    ),
    _lines("""
        {one}
        {one} e {two}
        Onde começa {one_low}
        Antes era {one_low}
        {one} não espera
        {one} de {place}
        {one} e o silêncio de {place}
        Sob {one_low}
    """),
    _words("Romance, Contos, Memórias, Uma breve história, Ensaios"),
    _words("Os cadernos do porto, Quarteto de inverno"),
    _lines("""
        No ano em que o rio gelou, {who} herda uma casa com um quarto a mais.
        Uma carta enviada há quarenta anos chega a {who} na manhã de uma greve.
    """),
    _lines("""
        O que começa como inventário torna-se um julgamento, e depois uma história de amor contada ao contrário.
        Três irmãs, duas versões e uma só fotografia não batem certo.
    """),
    _lines("""
        Um livro sobre aquilo que guardamos.
        Um romance discreto, difícil de fechar.
    """),
    _lines("""
        {name} vive num barco com duas máquinas de escrever e sem telefone.
    """),
    _words("Livros do Cais, Editora Andorinha, Casa das Marés"),
    _lines("""
        Li numa noite e no dia seguinte cheguei tarde a tudo.
        Cada frase foi pesada e nenhuma pesa.
    """),
    _lines("""
        O meio arrasta-se um pouco.
    """),
    _lines("""
        Para ler devagar.
        Hei de voltar a ele no inverno.
    """),
)

# Places are joined from two halves and belong to no country. None begins with a vowel, before which some languages
# would want another word for "of".
PLACE_BEGINNINGS = _words(
    "Mar, Bel, Tor, Vel, Cas, Lun, Ros, Gar, Mon, Ser, Tal, Bran, Dor, Fal, Lor, Nav, Per, Sol, Tre"
)
PLACE_ENDINGS = _words("ven, mar, lis, dane, gard, tal, rac, venna, mont, sey, rona, holm, bruc, dessa")

LANGUAGES = (ENGLISH, FRENCH, GERMAN, SPANISH, ITALIAN, PORTUGUESE)
# How often each is drawn.
WEIGHTS = (8, 6, 3, 3, 2, 2)
