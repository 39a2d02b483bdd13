"""Finding books, on the database of the run (`test_search_on_postgresql` runs this again on the other one)."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from bookwyrm import search
from bookwyrm.books.models import Author, Edition, Work
from bookwyrm.search.engines import engine_of
from bookwyrm.search.finding import PUT_IN_ORDER, Results
from bookwyrm.search.index import is_complete

pytestmark = pytest.mark.django_db


def a_book(title: str, *authors: str, **fields) -> Edition:
    work = Work.objects.create(title=fields.pop("work_title", title))
    work.authors.set([Author.objects.get_or_create(name=name)[0] for name in authors])
    return Edition.objects.create(work=work, title=title, **fields)


def found(text: str, **page) -> list[str]:
    return [edition.title for edition, _confidence in search.find(text, **page)]


@pytest.fixture
def library():
    a_book("The Hobbit", "J.R.R. Tolkien", isbn_13="9780261102217", subtitle="There and back again")
    a_book("The Two Towers", "J.R.R. Tolkien", series="The Lord of the Rings", isbn_10="0261102362")
    a_book("L’Œuvre au noir", "Marguerite Yourcenar")
    a_book("Les Misérables", "Victor Hugo")
    a_book("Dune", "Frank Herbert")
    a_book("Dune Messiah", "Frank Herbert")
    a_book("The Winds of Dune", "Brian Herbert", "Kevin J. Anderson")
    a_book("Der Stein der Weisen", "J. K. Rowling", work_title="Harry Potter and the Philosopher's Stone")
    a_book("吾輩は猫である", "夏目漱石")
    a_book("V.", "Thomas Pynchon")
    a_book("Война и мир", "Лев Толстой")


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("hobbit", {"The Hobbit"}),
        ("HOBBIT tolkien", {"The Hobbit"}),
        ("tolkien", {"The Hobbit", "The Two Towers"}),
        ("lord rings", {"The Two Towers"}),
        ("there and back", {"The Hobbit"}),
        ("oeuvre", {"L’Œuvre au noir"}),
        ("ŒUVRE AU NOIR", {"L’Œuvre au noir"}),
        ("l'oeuvre", {"L’Œuvre au noir"}),
        ("miserables", {"Les Misérables"}),
        ("MISÉRABLES hugo", {"Les Misérables"}),
        ("philosopher stone", {"Der Stein der Weisen"}),
        ("猫", {"吾輩は猫である"}),
        ("漱石", {"吾輩は猫である"}),
        ("ВОЙНА", {"Война и мир"}),
        ("v", {"V."}),
        ("kevin herbert", {"The Winds of Dune"}),
        ("hobbit hugo", set()),
        ("nothing of the kind", set()),
    ],
)
def test_all_words_must_occur_somewhere_in_the_book(library, text, titles):
    assert set(found(text)) == titles


@pytest.mark.parametrize("text", ["hob", "tolkien hob", "there and ba", "yource", "mis"])
def test_the_last_word_may_be_half_typed(library, text):
    assert found(text)


def test_only_the_last_word_may_be_half_typed(library):
    assert found("hob tolkien") == []


def test_one_letter_is_not_the_beginning_of_every_word(library):
    assert found("h") == []


def test_the_book_with_just_this_title_comes_first(library):
    assert found("dune") == ["Dune", "Dune Messiah", "The Winds of Dune"]
    assert [confidence for _edition, confidence in search.find("dune")] == [1.0, 0.67, 0.4]


@pytest.mark.parametrize(
    "text",
    [
        "9780261102217",
        "978-0-261-10221-7",
        "978 0 261 10221 7",
        "0261102214",
        "0-261-10221-4",
        "ISBN 978-0-261-10221-7",
    ],
)
def test_an_isbn_is_found_in_either_form(library, text):
    ((edition, confidence),) = search.find(text)
    assert edition.title == "The Hobbit"
    assert confidence == 1.0


def test_a_book_catalogued_with_a_short_isbn_is_found_by_the_long_one(library):
    assert found("9780261102361") == ["The Two Towers"]


def test_the_beginning_of_an_isbn_is_enough(library):
    assert found("978026110") == ["The Hobbit"]


def test_an_isbn_with_a_wrong_check_digit_is_found_as_it_was_catalogued():
    a_book("A misprint", isbn_13="9780261102218")
    assert found("978-0-261-10221-8") == ["A misprint"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        '"',
        "'",
        '"hobbit',
        "hobbit AND",
        "OR NOT NEAR",
        "NEAR(hobbit dune, 2)",
        "title:hobbit",
        "hobbit*",
        "*",
        "^hobbit",
        "hobbit:*",
        "!hobbit & | <->",
        "(((((",
        "\\",
        "%",
        "_",
        "'; DROP TABLE bookwyrm_search; --",
        "\x00",
        "\ud800",
        "😀",
        "a" * 100_000,
        "word " * 10_000,
        "-" * 500,
        "{title}: -hobbit",
        "٣",
    ],
)
def test_whatever_is_typed_is_no_error(library, text):
    results = Results(text)
    assert len(results[:10]) <= len(results) <= 11


# Staying current


def test_a_new_title_is_found_and_the_old_one_is_not(library):
    book = Edition.objects.get(title="The Hobbit")
    book.title = "Bilbo"
    book.save()
    assert found("bilbo") == ["Bilbo"]
    # The work is still called so.
    book.work.title = "Bilbo"
    book.work.save()
    assert found("hobbit") == []


def test_an_author_who_is_renamed_is_found_by_the_new_name(library):
    author = Author.objects.get(name="Victor Hugo")
    author.name = "V. M. Hugo-Foucher"
    author.save()
    assert found("foucher") == ["Les Misérables"]
    assert found("victor") == []


def test_an_author_who_is_added_or_taken_away_follows(library):
    work = Work.objects.get(title="Dune")
    other = Author.objects.create(name="Somebody Else")
    work.authors.add(other)
    assert found("somebody") == ["Dune"]
    work.authors.remove(other)
    assert found("somebody") == []
    other.works.add(work)
    assert found("somebody") == ["Dune"]
    other.works.clear()
    assert found("somebody") == []
    work.authors.clear()
    assert found("dune frank") == ["Dune Messiah"]
    work.authors.set([other])
    assert found("somebody") == ["Dune"]


def test_an_author_who_is_deleted_is_not_found_any_more(library):
    Author.objects.filter(name__contains="Herbert").delete()
    assert found("herbert") == []
    assert len(found("dune")) == 3


def test_an_edition_that_moves_to_another_work_takes_its_authors(library):
    book = Edition.objects.get(title="V.")
    book.work = Work.objects.get(title="Dune")
    book.save()
    assert "V." in found("herbert")


def test_a_deleted_book_is_not_found_any_more(library):
    Edition.objects.filter(title="Dune").delete()
    Work.objects.filter(title="Dune Messiah").delete()
    assert found("dune") == ["The Winds of Dune"]
    assert len(Results("dune")) == 1


def test_a_change_that_is_rolled_back_is_not_found(library):
    with pytest.raises(RuntimeError), transaction.atomic():
        a_book("A book that never was")
        raise RuntimeError
    assert found("never was") == []
    assert is_complete()


def test_a_change_of_other_fields_writes_nothing_to_the_index(library, django_assert_num_queries):
    book = Edition.objects.get(title="Dune")
    book.cover_widths = [160]
    with django_assert_num_queries(1):
        book.save(update_fields=["cover_widths"])


def test_books_written_past_the_models_are_found_after_reindex(library, capsys):
    work = Work.objects.create(title="Bulk")
    Edition.objects.bulk_create([Edition(work=work, title=f"Bulk volume {number}") for number in range(2500)])
    Edition.objects.filter(title="Dune").update(title="Arrakis")
    assert found("bulk") == []
    call_command("reindex")
    assert "2511" in capsys.readouterr().out
    assert len(Results("bulk volume")) == 2500
    assert found("arrakis") == ["Arrakis"]


def test_migrate_catches_up_with_books_written_past_the_models(library):
    work = Work.objects.create(title="Bulk")
    Edition.objects.bulk_create([Edition(work=work, title="Bulk volume")])
    assert not is_complete()
    call_command("migrate", verbosity=0)
    assert is_complete()
    assert found("bulk volume") == ["Bulk volume"]


def test_reindex_forgets_books_that_went_past_the_models(library):
    Edition.objects.filter(title="Dune")._raw_delete("default")
    call_command("reindex", verbosity=0)
    assert is_complete()
    assert len(Results("dune")) == 2


def test_making_the_index_twice_does_no_harm(library):
    engine_of(connection).create(connection)
    assert found("hobbit") == ["The Hobbit"]


# Pages


def test_pages_continue_each_other_far_beyond_the_sorted_part():
    work = Work.objects.create(title="Series")
    how_many = PUT_IN_ORDER + 45
    Edition.objects.bulk_create([Edition(work=work, title=f"Series {number}") for number in range(how_many)])
    search.reindex()
    results = Results("series")
    assert len(results) == how_many
    seen = [edition.pk for start in range(0, how_many, 20) for edition in results[start : start + 20]]
    assert len(seen) == how_many
    assert len(set(seen)) == how_many


def test_a_page_takes_the_same_number_of_queries_however_many_books(django_assert_num_queries):
    authors = [Author.objects.create(name=f"Writer {number}") for number in range(3)]
    for number in range(20):
        work = Work.objects.create(title=f"Tome {number}")
        work.authors.set(authors)
        Edition.objects.create(work=work, title=f"Tome {number}")
    # Which, the editions with their works, the authors.
    with django_assert_num_queries(3):
        names = [author.name for edition in Results("tome")[:20] for author in edition.work.authors.all()]
    assert len(names) == 60
