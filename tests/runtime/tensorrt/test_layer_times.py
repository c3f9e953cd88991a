from __future__ import annotations

from gridrt.runtime.tensorrt.layer_times import LayerTime, LayerTimes


def test_what_is_reported_belongs_to_the_run_in_which_it_is() -> None:
    layers = LayerTimes()
    layers.report_layer_time("before", 1.0)

    first = layers.reported_during(lambda: layers.report_layer_time("conv", 2.0))
    second = layers.reported_during(lambda: None)

    assert first == [LayerTime("conv", 0.002)]
    assert second == []
