"""Vietnamese text as the encodings before Unicode leave it when it is read as Windows-1252: TCVN3 (ABC fonts) and VNI."""

from __future__ import annotations

import unicodedata

_LOWER = "àảãáạăằẳẵắặâầẩẫấậđèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵ"
_TCVN3 = "µ¶·¸¹¨»¼½¾Æ©ÇÈÉÊË®ÌÎÏÐÑªÒÓÔÕÖ×ØÜÝÞßáâãä«åæçèé¬êëìíîïñòóô\u00adõö÷øùúûüýþ"
TCVN3 = dict(zip(_LOWER, _TCVN3, strict=True)) | dict(zip("ĂÂĐÊÔƠƯ", "¡¢§£¤¥¦", strict=True))
_VNI = [
    "aø",
    "aû",
    "aõ",
    "aù",
    "aï",
    "aê",
    "aè",
    "aú",
    "aü",
    "aé",
    "aë",
    "aâ",
    "aà",
    "aå",
    "aã",
    "aá",
    "aä",
    "ñ",
    "eø",
    "eû",
    "eõ",
    "eù",
    "eï",
    "eâ",
    "eà",
    "eå",
    "eã",
    "eá",
    "eä",
    "ì",
    "æ",
    "ó",
    "í",
    "ò",
    "oø",
    "oû",
    "oõ",
    "où",
    "oï",
    "oâ",
    "oà",
    "oå",
    "oã",
    "oá",
    "oä",
    "ô",
    "ôø",
    "ôû",
    "ôõ",
    "ôù",
    "ôï",
    "uø",
    "uû",
    "uõ",
    "uù",
    "uï",
    "ö",
    "öø",
    "öû",
    "öõ",
    "öù",
    "öï",
    "yø",
    "yû",
    "yõ",
    "yù",
    "î",
]
VNI = dict(zip(_LOWER, _VNI, strict=True))
VNI |= {letter.upper(): written.upper() for letter, written in VNI.items()}


def in_tcvn3(text: str) -> str:
    """A text as its TCVN3 bytes look; capitals with a mark are those of the small letters (another font shows them)."""
    return "".join(TCVN3.get(c) or TCVN3.get(c.lower()) or c for c in unicodedata.normalize("NFC", text))


def in_vni(text: str) -> str:
    """A text as its VNI bytes look."""
    return "".join(VNI.get(c, c) for c in unicodedata.normalize("NFC", text))
