"""Files: what is saved comes back, names are PyTorch's, replacing is atomic, strangers are refused in one line."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tinygrad_np import Tensor
from tinygrad_np.io import atomic_write, load, save

DTYPES = ["bool", "int8", "uint8", "int16", "int32", "int64", "uint64", "float16", "float32", "float64", "complex64"]


@pytest.fixture(params=["npz", "safetensors"])
def path(request, tmp_path) -> Path:
    if request.param == "safetensors":
        pytest.importorskip("safetensors", reason="the extra `models` is not installed")
    return tmp_path / f"state.{request.param}"


def equal(a, b) -> bool:
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def test_nested_dicts_come_back(path):
    state = {
        "model": {"0.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "0.bias": np.zeros(0)},
        "optimizer": {"state": {"0": {"step": np.array(3)}}, "param_groups": {"0": {"lr": np.array(0.1)}}},
        "file": np.array([np.nan, -0.0, np.inf]),
        "allow_pickle": np.array(True),
        "naïve key": np.ones(1),
    }
    save(path, state)
    assert equal(state, load(path))


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_comes_back(path, dtype):
    state = {"a": np.array([[0, 1, 2]]).astype(dtype), "zero-d": np.array(1).astype(dtype)}
    save(path, state)
    assert equal(state, load(path))


def test_layouts_tensors_and_numbers(path):
    a = np.arange(12.0).reshape(3, 4)
    save(
        path,
        {
            "fortran": np.asfortranarray(a),
            "strided": a[::-1, ::2],
            "big": a.astype(">f8"),
            "tensor": Tensor(a, requires_grad=True),
            "int": 3,
            "float": 0.1,
            "bool": True,
        },
    )
    back = load(path)
    assert all(np.array_equal(back[k], a) for k in ("fortran", "big", "tensor"))
    assert np.array_equal(back["strided"], a[::-1, ::2])
    assert back["int"] == 3 and back["float"].item() == 0.1 and back["bool"].item() is True
    assert back["fortran"].flags.writeable


def test_state_dict_names_are_the_files_names(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy", reason="the extra `models` is not installed")
    state = {"0.weight": np.ones((2, 3), np.float32)}
    save(tmp_path / "w.safetensors", state)
    assert list(safetensors.load_file(tmp_path / "w.safetensors")) == ["0.weight"]
    save(tmp_path / "w.npz", state)
    with np.load(tmp_path / "w.npz") as file:
        assert file.files == ["0.weight"]


def test_files_of_others_are_read(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy", reason="the extra `models` is not installed")
    safetensors.save_file({"a.b": np.ones(2)}, tmp_path / "x.safetensors", metadata={"by": "someone"})
    assert load(tmp_path / "x.safetensors")["a.b"].tolist() == [1, 1]
    np.savez_compressed(tmp_path / "x.npz", a=np.ones(2))
    assert load(tmp_path / "x.npz")["a"].tolist() == [1, 1]


def test_the_same_state_gives_the_same_bytes(path):
    save(path, {"a": np.ones(3), "b": {"c": np.zeros(2)}})
    first = path.read_bytes()
    save(path, {"a": np.ones(3), "b": {"c": np.zeros(2)}})
    assert path.read_bytes() == first


# ---- what cannot be saved -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state, error, words",
    [
        ({"a": "text"}, TypeError, "'a' is a str"),
        ({"a": {"b": None}}, TypeError, "'a/b' is a NoneType"),
        ({"a": [1, 2]}, TypeError, "'a' is a list"),
        ({"a": np.array([object()])}, TypeError, "'a' has dtype object"),
        ({"a": np.array(["x"])}, TypeError, "'a' has dtype <U1"),
        ({1: np.ones(1)}, ValueError, "1 cannot name an entry"),
        ({"a/b": np.ones(1)}, ValueError, "'a/b' cannot name an entry"),
        ({"": np.ones(1)}, ValueError, "'' cannot name an entry"),
        ([np.ones(1)], TypeError, "expected a dict of arrays, found list"),
    ],
)
def test_what_cannot_be_saved_leaves_the_old_file(path, state, error, words):
    save(path, {"old": np.ones(1)})
    with pytest.raises(error, match=words) as caught:
        save(path, state)
    assert "\n" not in str(caught.value)
    assert equal(load(path), {"old": np.ones(1)})
    assert os.listdir(path.parent) == [path.name]


def test_unknown_suffix_and_missing_file(tmp_path):
    for name in ("state.pkl", "state", "state.npy"):
        with pytest.raises(ValueError, match=r"unknown suffix .* expected one of .safetensors, .npz"):
            save(tmp_path / name, {})
        with pytest.raises(ValueError, match="unknown suffix"):
            load(tmp_path / name)
    for suffix in ("npz", "safetensors"):
        with pytest.raises(FileNotFoundError, match=f"none.{suffix}: no such file"):
            load(tmp_path / f"none.{suffix}")
    with pytest.raises(FileNotFoundError):
        save(tmp_path / "no" / "folder.npz", {"a": np.ones(1)})


# ---- files that are not what they say ------------------------------------------------------------------------


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: not a readable {path.suffix} file") and "\n" not in str(caught.value)
    return str(caught.value)


def test_truncated_at_any_byte_is_refused(path):
    save(path, {"a": np.arange(3.0), "b": {"c": np.zeros(2, np.float32)}})
    whole = path.read_bytes()
    for length in range(len(whole)):
        refused(path, whole[:length])


def test_strangers_are_refused(path):
    for content in (b"", b"hello", os.urandom(1000), b"\x80\x04K\x01.", b"PK\x03\x04" + bytes(100), bytes(5000)):
        refused(path, content)


def test_every_damaged_bit_is_noticed_or_harms_nothing(path, rng):
    """A flipped bit is refused, or the arrays come back as they were (it fell on what names the program, say)."""
    state = {"a": np.arange(100.0), "b": {"c": np.ones(3, np.float32), "step": np.array(7)}}
    save(path, state)
    content, noticed = path.read_bytes(), 0
    places = range(len(content)) if path.suffix == ".safetensors" else rng.integers(len(content), size=300)
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            assert equal(load(path), state), f"byte {place}"
        except ValueError as error:
            noticed += 1
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
    assert noticed > 0.8 * len(places)


@pytest.mark.parametrize("cut", [slice(10, None), slice(0, -30), (100, 140), (0, 4)])
def test_lost_bytes_are_refused(path, cut):
    save(path, {"x": np.zeros(50), "y": np.ones(3)})
    content = path.read_bytes()
    refused(path, content[cut] if isinstance(cut, slice) else content[: cut[0]] + content[cut[1] :])


def test_nothing_is_ever_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    buffer = io.BytesIO()
    np.savez(buffer, a=np.array([Trap()], dtype=object))
    refused(tmp_path / "trap.npz", buffer.getvalue())
    with zipfile.ZipFile(buffer := io.BytesIO(), "w") as archive:
        archive.writestr("a.txt", "not an array")
    refused(tmp_path / "text.npz", buffer.getvalue())
    assert not (tmp_path / "sprung").exists()


def test_names_that_clash_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", **{"a": np.ones(1), "a/b": np.ones(1)})
    with pytest.raises(ValueError, match="'a/b' is both an array and a group"):
        load(tmp_path / "x.npz")


def test_safetensors_missing_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match=r'pip install "tinygrad_np\[models\]"'):
        save(tmp_path / "w.safetensors", {"a": np.ones(1)})
    assert os.listdir(tmp_path) == []


# ---- atomic replacement --------------------------------------------------------------------------------------


def test_a_failing_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "log.txt"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError):
        with atomic_write(path) as file:
            file.write(b"half")
            raise RuntimeError
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["log.txt"]
    with atomic_write(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new" and os.listdir(tmp_path) == ["log.txt"]


def test_what_stands_in_the_way_is_named(path, tmp_path):
    path.mkdir()
    with pytest.raises(IsADirectoryError, match="found a folder, expected a file"):
        load(path)
    with pytest.raises(IsADirectoryError) as caught:
        save(path, {"a": np.ones(2)})
    assert caught.value.filename == str(path)
    with pytest.raises(FileNotFoundError) as caught:
        save(tmp_path / "none" / path.name, {"a": np.ones(2)})
    assert caught.value.filename == str(tmp_path / "none" / path.name)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("dtype", [complex, np.longdouble])
def test_what_safetensors_cannot_hold_goes_to_npz(tmp_path, dtype):
    pytest.importorskip("safetensors", reason="the extra `models` is not installed")
    with pytest.raises(TypeError, match=r"'a' has dtype .*, which .safetensors cannot hold; use the suffix .npz"):
        save(tmp_path / "a.safetensors", {"a": np.ones(2, dtype)})
    save(tmp_path / "a.npz", {"a": np.ones(2, dtype)})
    assert load(tmp_path / "a.npz")["a"].dtype == dtype and len(list(tmp_path.iterdir())) == 1


def test_a_link_is_written_through(tmp_path):
    (tmp_path / "link.npz").symlink_to(tmp_path / "real.npz")
    save(tmp_path / "link.npz", {"a": np.ones(1)})
    assert (tmp_path / "link.npz").is_symlink() and load(tmp_path / "real.npz")["a"].tolist() == [1]


def test_a_temporary_file_is_new_private_and_no_link(tmp_path, monkeypatch):
    path, victim = tmp_path / "b.npz", tmp_path / "victim"
    victim.write_text("precious")
    tokens = iter(["taken", "free"])
    monkeypatch.setattr("secrets.token_hex", lambda size: next(tokens))
    (tmp_path / ".b.npz.taken.tmp").symlink_to(victim)
    with atomic_write(path) as file:
        (temporary,) = tmp_path.glob(".b.npz.free.tmp")
        assert temporary.stat().st_mode & 0o777 == 0o600
        file.write(b"new")
    assert victim.read_text() == "precious" and path.read_bytes() == b"new" and not path.is_symlink()


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o400])
def test_the_mode_is_kept(path, mode):
    save(path, {"a": np.zeros(1)})
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    path.chmod(mode)
    save(path, {"a": np.ones(1)})
    assert path.stat().st_mode & 0o777 == mode and load(path)["a"].tolist() == [1]


@pytest.mark.parametrize("letter", ["n", "\u0436", "\U0001f40d"])
def test_a_name_as_long_as_a_name_may_be(tmp_path, letter):
    path = tmp_path / (letter * ((255 - len(".npz")) // len(letter.encode())) + ".npz")
    save(path, {"a": np.ones(1)})
    assert load(path)["a"].tolist() == [1] and os.listdir(tmp_path) == [path.name]


def test_threads_that_save_at_one_path_do_not_meet(path):
    errors, done = [], threading.Event()

    def write(value):
        try:
            for _ in range(30):
                save(path, {"x": np.full(2000, value)}, sync=False)
        except Exception as error:
            errors.append(error)

    def read():
        while not done.is_set():
            x = load(path)["x"]
            if not (x == x[0]).all():
                errors.append("torn")

    write(9.0)
    writers = [threading.Thread(target=write, args=(float(value),)) for value in range(3)]
    reader = threading.Thread(target=read)
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert not errors and os.listdir(path.parent) == [path.name]


def test_a_full_disk_names_the_file_and_leaves_the_old_one(path):
    resource = pytest.importorskip("resource", reason="limits of a process are POSIX's")
    save(path, {"a": np.ones(1)})
    program = (
        "import sys, resource, numpy as np\nfrom tinygrad_np.io import save\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (5000, {resource.RLIM_INFINITY}))\n"
        "try: save(sys.argv[1], {'a': np.zeros(10_000)})\n"
        "except OSError as error: print(error.filename, error.strerror)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == f"{path} File too large\n"
    assert load(path)["a"].tolist() == [1] and os.listdir(path.parent) == [path.name]


def test_killed_at_any_moment_the_file_is_whole(path):
    """A process saves ever new states and is killed: what is on disk is one of them, entire."""
    program = (
        "import sys, itertools, numpy as np\n"
        "from tinygrad_np.io import save\n"
        "for i in itertools.count():\n"
        "    save(sys.argv[1], {'a': np.full(20000, i), 'b': {'c': np.full(5, i)}})\n"
        "    if i == 0: print('ready', flush=True)\n"
    )
    for delay in (0.0, 0.003, 0.011, 0.023):
        process = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE)
        try:
            assert process.stdout.readline() == b"ready\n"
            try:
                process.wait(delay)
            except subprocess.TimeoutExpired:
                pass
        finally:
            process.kill()
            process.communicate()
        state = load(path)
        assert np.unique(state["a"]).size == 1 and (state["b"]["c"] == state["a"][0]).all()


@pytest.mark.parametrize("sync, expected", [(True, ["fsync", "replace"]), (False, ["replace"])])
def test_what_is_saved_is_on_the_disk_before_it_takes_its_place(path, sync, expected, monkeypatch):
    """Unless somebody who saves often says that it need not be."""
    called = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, real=real, name=name: (called.append(name), real(*args))[1])
    save(path, {"x": np.ones(3)}, sync=sync)
    assert called == expected
    called.clear()
    if sync:
        save(path, {"x": np.zeros(3)})
        assert called == expected


def test_an_entry_of_an_archive_may_be_longer_than_two_gigabytes(tmp_path):
    """Which its header has to say before its length is known: version 4.5 of the format."""
    save(tmp_path / "a.npz", {"x": np.ones(3)})
    assert (tmp_path / "a.npz").read_bytes()[:6] == b"PK\x03\x04\x2d\x00"
