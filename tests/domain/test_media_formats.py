import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasl.domain.media_formats import (
    EXTENSIONS,
    MAX_BYTES,
    Unfit,
    can_go_as,
    check,
    clean_name,
    extension_of,
    meta_type,
    true_name,
)
from rasl.domain.sniffing import sniff
from tests import samples


def checked(kind: str, name: str | None, content: bytes, **options: bool) -> str:
    return check(io.BytesIO(content), len(content), name, kind, **options).mime_type


@pytest.mark.parametrize(("kind", "name", "content", "mime_type"), samples.GOOD, ids=samples.NAMES)
def test_every_format_of_the_contract_is_taken(kind: str, name: str, content: bytes, mime_type: str) -> None:
    assert checked(kind, name, content) == mime_type


@pytest.mark.parametrize(("kind", "name", "content", "mime_type"), samples.GOOD, ids=samples.NAMES)
def test_a_file_without_a_name_is_known_by_its_content(
    kind: str, name: str, content: bytes, mime_type: str
) -> None:
    assert checked(kind, None, content) == ("text/plain" if name == "a.csv" else mime_type)


def test_every_extension_of_the_contract_has_a_sample() -> None:
    known = {(kind, extension_of(name)) for kind, name, _, _ in samples.GOOD}
    assert known == {(kind, extension) for kind, many in EXTENSIONS.items() for extension in many}


@pytest.mark.parametrize(
    ("kind", "name", "content", "problem"),
    [
        ("image", "virus.png", samples.EXE, "does not hold what it should: a png file"),
        ("image", "page.png", samples.HTML, "does not hold what it should: a png file"),
        ("image", "photo.png", samples.JPEG, "is named .png but holds image/jpeg"),
        ("image", "a.gif", b"GIF89a", "must be a file of type: jpg, jpeg, png, webp"),
        ("image", "a.pdf", samples.PDF, "must be a file of type: jpg, jpeg, png, webp"),
        ("image", "a.webp", samples.animation(), "must not be animated; send it as a sticker"),
        ("document", "a.docx", samples.ZIP_OF_OTHERS, "does not hold what it should: a docx file"),
        ("document", "a.docx", samples.office("xl"), "is named .docx but holds"),
        ("document", "a.doc", samples.old_office("Workbook"), "is named .doc but holds application/vnd.ms-excel"),
        ("document", "a.txt", samples.ELF, "does not hold what it should: a txt file"),
        ("document", "a.pdf", samples.PNG, "does not hold what it should: a pdf file"),
        ("audio", "a.ogg", samples.VORBIS, "does not hold what it should: OGG with the OPUS codec"),
        ("audio", "a.mp3", samples.film(), "does not hold what it should: a mp3 file"),
        ("video", "a.mp4", samples.film(b"qt  "), "does not hold what it should: a mp4 file"),
        ("sticker", "a.webp", samples.PNG, "does not hold what it should: a webp file"),
        ("image", "a.png", b"", "is empty"),
    ],
)  # fmt: skip
def test_what_is_not_what_it_is_called_is_refused(kind: str, name: str, content: bytes, problem: str) -> None:
    with pytest.raises(Unfit) as caught:
        checked(kind, name, content)
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize("kind", EXTENSIONS)
def test_sizes_end_where_the_contract_says(kind: str) -> None:
    content = {"image": samples.PNG, "document": samples.PDF, "video": samples.film(), "audio": samples.AMR,
               "sticker": samples.animation()}[kind]  # fmt: skip
    most = MAX_BYTES[kind]
    check(io.BytesIO(content), most, None, kind)
    with pytest.raises(Unfit, match="must not be larger than"):
        check(io.BytesIO(content), most + 1, None, kind)


def test_a_sticker_that_stands_still_has_a_smaller_limit() -> None:
    check(io.BytesIO(samples.WEBP), 100 * 1024, "a.webp", "sticker")
    with pytest.raises(Unfit, match="100 KB, unless it is animated"):
        check(io.BytesIO(samples.WEBP), 100 * 1024 + 1, "a.webp", "sticker")


def test_one_channel_of_opus_makes_a_voice_message() -> None:
    assert check(io.BytesIO(samples.opus(1)), 100, "a.ogg", "audio").is_voice
    assert not check(io.BytesIO(samples.opus(2)), 100, "a.ogg", "audio").is_voice


@pytest.mark.parametrize(
    ("name", "is_fine"),
    [("download", True), ("image.php", True), (None, True), ("photo.png", True), ("photo.jpg", False)],
)
def test_names_that_addresses_end_with_count_only_if_they_name_a_format(
    name: str | None, is_fine: bool
) -> None:
    if is_fine:
        assert checked("image", name, samples.PNG, is_named_by_caller=False) == "image/png"
    else:
        with pytest.raises(Unfit):
            checked("image", name, samples.PNG, is_named_by_caller=False)


def test_a_web_page_behind_an_address_is_no_document() -> None:
    with pytest.raises(Unfit, match="leads to a web page"):
        checked("document", None, samples.HTML, is_named_by_caller=False)


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.pdf", "a.pdf"),
        ("a\r\nb.pdf", "ab.pdf"),
        ("", None),
        (None, None),
        ("..", None),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
    ],
)
def test_names_are_kept_without_what_could_harm(name: str | None, clean: str | None) -> None:
    assert clean_name(name) == clean


@pytest.mark.parametrize(
    ("kind", "mime_type", "size", "is_fit"),
    [
        ("image", "image/png", 1, True),
        ("image", "image/webp", 1, False),
        ("image", "image/png", 5 * 1024 * 1024 + 1, False),
        ("sticker", "image/webp", 1, True),
        ("document", "image/png", 1, True),
        ("document", "application/zip", 100 * 1024 * 1024, True),
        ("audio", "audio/ogg", 1, True),
        ("audio", "video/mp4", 1, False),
        ("video", "video/quicktime", 1, False),
    ],
)
def test_a_stored_file_may_be_sent_as_what_it_is(kind: str, mime_type: str, size: int, is_fit: bool) -> None:
    assert can_go_as(kind, mime_type, size) is is_fit


@pytest.mark.parametrize(
    ("name", "mime_type", "true"),
    [
        ("note.opus", "audio/ogg", "note.ogg"),
        ("note.ogg", "audio/ogg", "note.ogg"),
        ("note.OGG", "audio/ogg", "note.OGG"),
        ("note", "audio/ogg", "note.ogg"),
        ("note.opus", "audio/ogg; codecs=opus", "note.ogg"),
        ("song.aac", "audio/mp4", "song.m4a"),
        ("invoice", "application/pdf", "invoice.pdf"),
        ("invoice.v2", "application/pdf", "invoice.v2.pdf"),
        ("No. 7 of May", "application/pdf", "No. 7 of May.pdf"),
        ("invoice.docx", "application/pdf", "invoice.pdf"),
        ("a.jpeg", "image/jpeg", "a.jpeg"),
        ("a.JPG", "image/jpeg", "a.JPG"),
        ("clip.3gp", "video/mp4", "clip.mp4"),
        ("list.csv", "text/csv", "list.csv"),
        ("list", "text/plain", "list.txt"),
        ("letter", "application/msword", "letter.doc"),
        ("unknown.xyz", "application/zip", "unknown.xyz"),
        (None, "application/pdf", "file.pdf"),
        (None, "application/zip", "file"),
    ],
)
def test_meta_gets_files_named_by_their_true_kind(name: str | None, mime_type: str, true: str) -> None:
    assert true_name(name, mime_type, "file") == true


@pytest.mark.parametrize(("kind", "name", "content", "mime_type"), samples.GOOD, ids=samples.NAMES)
def test_every_kind_that_is_taken_has_an_extension(
    kind: str, name: str, content: bytes, mime_type: str
) -> None:
    assert kind
    assert content
    named = true_name("without", mime_type, "file")
    assert named.startswith("without.")
    assert true_name(named, mime_type, "file") == named
    assert true_name(name, mime_type, "file").startswith("a.")


def test_meta_gets_types_it_knows() -> None:
    assert meta_type("text/csv") == "text/plain"
    assert meta_type("image/png") == "image/png"


STARTS = [b"", *(content[:40] for _, _, content, _ in samples.GOOD), b"PK\x05\x06"]


@given(st.sampled_from(STARTS), st.binary(max_size=300))
def test_no_content_makes_the_reader_stumble(start: bytes, content: bytes) -> None:
    whole = start + content
    sniff(io.BytesIO(whole), len(whole))
