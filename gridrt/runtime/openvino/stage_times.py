"""Stages of an exported graph, timed by OpenVINO's profile.

OpenVINO names what it runs after nodes of the file, and lists the nodes that it fused. What it adds, such as a
conversion between layouts, or makes of a decomposed node, counts in the stage of its producer.
"""

from __future__ import annotations

from collections.abc import Mapping

from openvino import Model

from gridrt.graph.graph import Graph
from gridrt.graph.node_stages import give_each_custom_op_a_body, stages_of_tensors
from gridrt.runtime.openvino.compile import compiled_graph
from gridrt.stages import Stage, StageTimes, median_run, stage_of_node, times_of
from gridrt.types import Int32Array, UInt8Array


def graph_stage_times(
    graph: Graph, images: UInt8Array, image_sizes: Int32Array, *, threads: int | None, warm_up: int, runs: int
) -> StageTimes:
    """Stages of a graph's run on the CPU.

    Args:
        graph: that `gridrt export` wrote, in any precision; its nodes are renamed in place.
        images: as in `gridrt.runtime.backend.Session`.
        image_sizes: the same.
        threads: of the CPU; None means as many as the process may use.
        warm_up: runs before those that are measured.
        runs: measured runs, of which the median is returned.
    """
    model = graph.model
    produced_in = stages_of_tensors(model.graph)
    stage_by_name = {node.name: produced_in[node.output[0]] for node in model.graph.node}
    give_each_custom_op_a_body(model)
    compiled = compiled_graph(model, threads=threads, profile=True, place=graph.path)
    stages = stages_of_layers(compiled.get_runtime_model(), stage_by_name)
    request, measured = compiled.create_infer_request(), []
    for _ in range(warm_up + runs):
        request.infer({"images": images, "image_sizes": image_sizes})
        profile = request.profiling_info
        measured.append(
            times_of((stages.get(each.node_name, "other"), each.real_time.total_seconds()) for each in profile)
        )
    return median_run(measured[warm_up:])


def stages_of_layers(runtime: Model, stage_by_name: Mapping[str, Stage]) -> dict[str, Stage]:
    """The stage of each layer that OpenVINO runs, by name.

    Args:
        runtime: the graph as it runs.
        stage_by_name: of the nodes of the file.
    """
    layers = runtime.get_ordered_ops()
    stages: dict[str, Stage] = {}
    for layer in layers:
        producers = (each.get_source_output().get_node().get_friendly_name() for each in layer.inputs())
        fused_of = str(layer.get_rt_info()["originalLayersNames"].astype(str)).split(",")
        names = (layer.get_friendly_name(), *fused_of)
        known = (stage_of_node(name) or stage_by_name.get(name) for name in names)
        found = next((stage for stage in (*known, *map(stages.get, producers)) if stage), None)
        if found:
            stages[layer.get_friendly_name()] = found
    for layer in reversed(layers):  # what works on constants or on the inputs serves its consumer
        consumers = (each.get_node().get_friendly_name() for out in layer.outputs() for each in out.get_target_inputs())
        found = next((stages[name] for name in consumers if name in stages), None)
        if found:
            stages.setdefault(layer.get_friendly_name(), found)
    return stages
