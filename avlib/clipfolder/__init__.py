"""The one folder layout for clips, exported or prepared: writing, reading, checking.

::

    FOLDER/dataset.json                  schema, version, name, made_by
    FOLDER/index.csv                     one row per clip
    FOLDER/clips/<clip>/media.mp4        pictures and sound, for players and networks' frames
    FOLDER/clips/<clip>/audio.flac       the mixture, mono, 24 bits: the exact samples
    FOLDER/clips/<clip>/stems/0.flac ..  each player alone, if known; they sum to audio.flac
    FOLDER/clips/<clip>/joints.npz       'joints' (frame, player, 60, 3), if known
    FOLDER/clips/<clip>/annotations.json everything else; its JSON Schema is clip-v1.json

A clip's folder is written under a temporary name and renamed: it is complete or absent. `validate`
says what is wrong with a folder, file by file.
"""

from avlib.clipfolder.layout import (
    VERSION,
    Annotations,
    ClipFolderError,
    IndexRow,
    clip_path,
    has_clip,
    schema,
)
from avlib.clipfolder.leftovers import remove_leftovers
from avlib.clipfolder.read import Waves, read_annotations, read_index, read_waves
from avlib.clipfolder.validate import Problem, validate
from avlib.clipfolder.write import ClipRecord, write_clip, write_index

__all__ = [
    "VERSION",
    "Annotations",
    "ClipFolderError",
    "ClipRecord",
    "IndexRow",
    "Problem",
    "Waves",
    "clip_path",
    "has_clip",
    "read_annotations",
    "read_index",
    "read_waves",
    "remove_leftovers",
    "schema",
    "validate",
    "write_clip",
    "write_index",
]
