internal import ArgumentParser
internal import Compression

/// Which layers a pass works on.
struct LayerOptions: ParsableArguments {
  @Option(
    name: .customLong("layers"),
    help: ArgumentHelp(
      "Only layers whose path (block.2.mlp.c_fc) or name matches, * and ? as in the shell; "
        + "may be given several times. Without it: every linear layer of the language model's "
        + "blocks, but no router of experts, vision or audio tower, convolution or adapter.",
      valueName: "pattern"))
  var patterns: [String] = []

  var selection: LayerSelection { patterns.isEmpty ? .all : .matching(patterns) }
}
