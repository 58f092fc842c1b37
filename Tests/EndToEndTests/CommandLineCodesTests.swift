import Foundation
import Testing

/// A model whose weights are codes of a layout that is not read: commands that look at it show
/// codes, all others refuse with one sentence and leave nothing behind.
@Suite struct CommandLineCodesTests {
  private static let sentence =
    "pare: tensor 'model.layers.0.mlp.up_proj.weight' and 1 more hold codes of a layout that "
    + "Pare does not read (eetq: I8 'weight' beside 'weight_scales'); codes are shown, but not "
    + "used as weights\n"

  /// Two layers of EETQ's codes, a norm, and the configuration that names the layout.
  private static func write(in scratch: Scratch) throws {
    var entries: [String] = []
    var data = Data()
    func add(_ name: String, _ dtype: String, _ shape: [Int], _ bytes: [UInt8]) {
      let end = data.count + bytes.count
      entries.append(
        #""\#(name)":{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":[\#(data.count),\#(end)]}"#
      )
      data.append(contentsOf: bytes)
    }
    for block in 0..<2 {
      let layer = "model.layers.\(block).mlp.up_proj"
      add(layer + ".weight", "I8", [16, 8], (0..<128).map { UInt8($0) })
      add(layer + ".weight_scales", "F16", [8], [UInt8](repeating: 0x2C, count: 16))
      add("model.layers.\(block).norm.weight", "F16", [8], [UInt8](repeating: 0x3C, count: 16))
    }
    let header = Data("{\(entries.joined(separator: ","))}".utf8)
    var length = UInt64(header.count).littleEndian
    let file = unsafe withUnsafeBytes(of: &length) { unsafe Data($0) } + header + data
    try file.write(to: scratch.url.appendingPathComponent("model.safetensors"))
    try Data(#"{"quantization_config": {"quant_method": "eetq"}}"#.utf8).write(
      to: scratch.url.appendingPathComponent("config.json"))
    try Data("pare: 1\npasses:\n  - prune: {amount: 0.5}\n".utf8).write(
      to: scratch.url.appendingPathComponent("recipe.yaml"))
    try Data("a text".utf8).write(to: scratch.url.appendingPathComponent("text"))
  }

  static let commands = [
    ["prune", "model.safetensors", "-o", "out.safetensors"],
    ["quantize", "model.safetensors", "-o", "out.safetensors", "--bits", "4"],
    ["allocate", "model.safetensors", "-o", "out.safetensors"],
    ["run", "recipe.yaml", "model.safetensors", "-o", "out.safetensors"],
    ["convert", "model.safetensors", "-o", "out.safetensors"],
    ["convert", "model.safetensors", "-o", "out.safetensors", "--packed"],
    ["convert", "model.safetensors", "-o", "out.safetensors", "--slice"],
    ["convert", "model.safetensors", "-o", "out.pt"],
    ["convert", "model.safetensors", "-o", "out.gguf", "--type", "q8_0"],
    ["compare", "model.safetensors", "model.safetensors"],
    ["eval", "model.safetensors", "--text", "text"],
    ["generate", "model.safetensors", "--prompt", "a"],
    ["compress", "model.safetensors", "--text", "text", "-o", "out.safetensors"],
    ["train", "text", "--from", "model.safetensors", "-o", "out.safetensors"],
    ["bench", "model.safetensors"],
  ]

  @Test(arguments: commands) func commandsThatNeedWeightsRefuse(arguments: [String]) throws {
    let scratch = try Scratch()
    try Self.write(in: scratch)
    let names = scratch.names
    let outcome = try Program.run(arguments, in: scratch)
    #expect(outcome.status == 1)
    #expect(outcome.error == Self.sentence)
    #expect(outcome.output.isEmpty)
    #expect(scratch.names == names)
  }

  @Test func inspectListsThemAsCodes() throws {
    let scratch = try Scratch()
    try Self.write(in: scratch)
    let listing = try Program.run(["inspect", "model.safetensors", "--json"], in: scratch)
    #expect(listing.status == 0)
    #expect(listing.error == Self.sentence.replacing("pare: ", with: "pare: warning: "))
    let tensors = try #require(listing.fields["tensors"] as? [[String: Any]])
    #expect(tensors.count == 6)
    for tensor in tensors where tensor["dtype"] as? String == "I8" {
      #expect(tensor["role"] as? String == "codes" && tensor["encoding"] as? String == "codes")
      #expect(tensor["mean"] is NSNull && tensor["sparsity"] is NSNull)
    }
    let table = try Program.run(["inspect", "model.safetensors"], in: scratch)
    #expect(table.output.components(separatedBy: "I8 codes").count == 3)
    let one = try Program.run(["inspect", "model.safetensors", "block.1.mlp.up_proj"], in: scratch)
    #expect(one.status == 0)
  }
}
