"""A graph of four steps, one of them aside, of which tests take parts."""

from __future__ import annotations

import onnx.parser

MODEL = onnx.parser.parse_model("""
<ir_version: 10, opset_import: ["" : 20]>
steps (float[N] x) => (float[N] last)
<float[1] two = {2.0}, float[1] ten = {10.0}>
{
    ["first"] a = Mul (x, two)
    ["second"] b = Add (a, ten)
    ["aside"] c = Neg (a)
    ["third"] last = Mul (b, two)
}
""")
