"""onnx's full check, shape inference included."""
import onnx

for name in ("encoder", "decoder"):
    model = onnx.load(f"graphs/{name}.onnx")
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    assert {v.name for v in inferred.graph.output} == ({"mean", "variance"} if name == "encoder" else {"x"})
    assert {p.key for p in model.metadata_props} == {"gmmvae_version", "config", "decoder_variance"}
