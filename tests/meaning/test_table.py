"""The table: vectors of texts, and a file that is whole or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kchat_search.errors import TableDamaged
from kchat_search.meaning.codes import SIZE
from kchat_search.meaning.features import bags
from kchat_search.meaning.table import SHIPPED, Table, shipped

TEXTS = ["退款什么时候到账", "", "abc 退款退款", "😀", "钱 abc", "qq", "账到"]


@pytest.fixture(scope="module")
def table() -> Table:
    keys = np.unique(bags(TEXTS[:5]).keys)[::-1]
    rng = np.random.default_rng(5)
    idf = rng.uniform(1, 9, len(keys)).astype(np.float32)
    return Table.made(keys, idf, rng.standard_normal((len(keys), SIZE)).astype(np.float32))


def test_a_vector_is_the_weighted_sum_of_its_features_rows(table: Table) -> None:
    place = {key: number for number, key in enumerate(table.keys.tolist())}
    for text, vector in zip(TEXTS, table.vectors(TEXTS), strict=True):
        known = [place[key] for key in bags([text]).keys.tolist() if key in place]
        wanted = np.zeros(SIZE)
        for at in known:
            wanted += float(table.idf[at]) * float(table.scales[at]) * table.rows[at]
        wanted /= np.linalg.norm(wanted) or 1
        assert np.allclose(vector, wanted, atol=1e-5)
        assert np.isclose(np.linalg.norm(vector), 1 if known else 0, atol=1e-5)


def test_many_texts_have_the_vectors_that_each_has_alone(table: Table) -> None:
    many = TEXTS * 60
    alone = np.concatenate([table.vectors([text]) for text in TEXTS])
    assert np.allclose(table.vectors(many), np.tile(alone, (60, 1)), atol=1e-6)
    assert table.vectors([]).shape == (0, SIZE)


@pytest.mark.parametrize("fitted", [True, False])
def test_a_table_that_is_written_is_read_as_it_was(
    table: Table, tmp_path: Path, fitted: bool
) -> None:
    rows = table.rows.astype(np.float32)
    one = Table.made(table.keys, table.idf, rows, fitted=fitted)
    one.write(tmp_path / "one")
    again = Table.read(tmp_path / "one")
    assert (again.digest, again.fitted) == (one.digest, fitted)
    assert np.array_equal(again.vectors(TEXTS), one.vectors(TEXTS))


@pytest.mark.parametrize(
    "cut", [0, 5, 15, 16, 47, 48, 300, -1], ids=lambda cut: f"to_{cut}".replace("-", "minus_")
)
def test_a_file_that_was_cut_off_is_damaged(table: Table, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut"
    table.write(path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(TableDamaged, match=r"cut .*`kchat-search reindex`"):
        Table.read(path)


@pytest.mark.parametrize("at", [0, 8, 12, 16, 100, -300, -1])
def test_a_file_with_a_changed_byte_is_damaged(table: Table, tmp_path: Path, at: int) -> None:
    path = tmp_path / "changed"
    table.write(path)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(TableDamaged, match="changed"):
        Table.read(path)


def test_a_file_that_is_none_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(TableDamaged, match=r"none is missing.*reindex"):
        Table.read(tmp_path / "none")
    with pytest.raises(TableDamaged, match="not as it was written"):
        Table.read(tmp_path)


def test_the_table_of_the_package_is_whole_and_small() -> None:
    table = shipped()
    assert not table.fitted
    assert SHIPPED.stat().st_size <= 5_500_000
    assert np.all(table.keys[1:] > table.keys[:-1])


def test_the_table_of_the_package_knows_what_means_the_same() -> None:
    asked, same, other = shipped().vectors(["退款什么时候到账", "钱几天退回来", "忘记密码登录不了"])
    assert asked @ same > asked @ other + 0.2


def test_a_damaged_table_of_the_package_says_to_install_it_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("kchat_search.meaning.table.SHIPPED", tmp_path / "shipped.table")
    with pytest.raises(TableDamaged, match="install kchat-search again"):
        Table.read(tmp_path / "shipped.table")
