"""Writes the golden values that weft's tests compare with.

    python test/goldens/make.py [section ...]

Values come from JAX 0.10.2 on CPU (`pip install jax==0.10.2`) with 64-bit types off, except where a section says that
float64 is concerned. The output is deterministic on one kind of processor; another one rounds some values otherwise: keep their old
lines.
"""

import pathlib
import sys

import jax

jax.config.update("jax_platforms", "cpu")

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parent.parent / "fuzz"))

import codec  # noqa: E402
import compositions  # noqa: E402
import control  # noqa: E402
import jaxprs  # noqa: E402
import kinks  # noqa: E402
import models  # noqa: E402
import ops  # noqa: E402
import promotion  # noqa: E402
import randoms  # noqa: E402

SECTIONS = {
    "ops": ops.rows,
    "nn": ops.nn_rows,
    "kinks": kinks.rows,
    "random": randoms.rows,
    "promotion": promotion.rows,
    "jaxprs": jaxprs.rows,
    "compositions": compositions.rows,
    "control": control.rows,
    "models": models.rows,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or SECTIONS:
        codec.write(HERE / f"{name}.json", list(SECTIONS[name]()))
