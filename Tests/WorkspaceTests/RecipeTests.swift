import Compression
import TestSupport
import Testing
import Workspace

@Suite struct RecipeTests {
  @Test func readsWhatTheDocumentationShows() throws {
    let recipe = try Recipe(
      yaml: """
        # pare recipe
        pare: 1
        passes:
          - prune: {method: magnitude, amount: 0.5, scope: layer}
            layers: ["block.*.mlp.*"]
          - quantize: {bits: 3}
            names: [transformer.h.0.attn.c_attn.weight]
          - prune:
              amount: 25 %
              structure: n:m
        """)
    try #require(recipe.steps.count == 3)
    #expect((recipe.steps[0].pass as? Prune)?.amount == 0.5)
    #expect(recipe.steps[0].layers == .matching(["block.*.mlp.*"]))
    #expect((recipe.steps[1].pass as? Quantize)?.bits == 3)
    #expect(recipe.steps[1].layers == .named(["transformer.h.0.attn.c_attn.weight"]))
    #expect((recipe.steps[2].pass as? Prune)?.amount == 0.25)
    #expect(recipe.steps[2].layers == .all)
  }

  @Test(arguments: 0..<200 as Range<UInt64>) func writingThenReadingIsTheIdentity(
    seed: UInt64
  ) throws {
    var random = RandomSteps(seed: seed)
    var recipe = Recipe()
    for type in PassCatalog.all { recipe.steps.append(try random.step(type)) }
    let read = try Recipe(yaml: recipe.yaml)
    for (step, original) in zip(read.steps, recipe.steps) {
      #expect(step == original, "\(recipe.yaml)")
    }
    #expect(read == recipe)
  }

  @Test func anEmptyRecipeIsARecipe() throws {
    #expect(try Recipe(yaml: Recipe().yaml) == Recipe())
  }

  @Test(arguments: [
    ("", 1, "empty"),
    ("pare: 1\n", 1, "passes"),
    ("passes: []\n", 1, "pare: 1"),
    ("pare: 2\npasses: []\n", 1, "version 1"),
    ("pare: 1\npasses: []\nother: 2\n", 3, "no ‘other’"),
    ("pare: 1\npasses:\n  - melt: {}\n", 3, "no pass ‘melt’"),
    ("pare: 1\npasses:\n  - prune: {}\n    quantize: {}\n", 3, "one pass"),
    ("pare: 1\npasses:\n  - layers: [a]\n", 3, "is no pass"),
    ("pare: 1\npasses:\n  - prune:\n      amount: 0.5\n      colour: red\n", 5, "colour"),
    ("pare: 1\npasses:\n  - prune: {amount: 7}\n", 3, "amount"),
    ("pare: 1\npasses:\n  - prune: {amount: lots}\n", 3, "amount"),
    ("pare: 1\npasses:\n  - prune: {amount: [1]}\n", 3, "single"),
    ("pare: 1\npasses:\n  - prune: {}\n    layers: {a: b}\n", 4, "list"),
    ("pare: 1\npasses:\n  - prune: {}\n    layers: [a]\n    names: [b]\n", 3, "not both"),
    ("pare: 1\npasses: {}\n", 2, "list"),
    ("[1, 2]\n", 1, "mapping"),
    ("pare: 1\npasses: [\n", 3, "YAML"),
    ("pare: 1\nx: &a [1]\ny: *a\n", 2, "anchor"),
    ("pare: 1\npasses: *a\n", 2, "YAML"),
    ("pare: 1\npare: 1\npasses: []\n", 1, "twice"),
    ("pare: 1\npasses: []\n---\npare: 1\n", 3, "YAML"),
    ("\tpare: 1\n", 1, "YAML"),
    ("pare: 1\npasses:\n  - prune: {structure: \"n:m\", n: 5, m: 4}\n", 3, "n"),
  ]) func errorsNameTheLine(text: String, line: Int, words: String) throws {
    let error = try #require(throws: RecipeError.self) { try Recipe(yaml: text) }
    #expect(error.line == line)
    #expect(error.sentence.contains(words), "\(error)")
  }

  @Test func boundsAreKept() {
    let deep = String(repeating: "[", count: 50_000)
    #expect(throws: RecipeError.self) { try Recipe(yaml: "pare: 1\npasses: \(deep)\n") }
    let dashes = String(repeating: "- ", count: 50_000)
    #expect(throws: RecipeError.self) { try Recipe(yaml: "pare: 1\npasses:\n  \(dashes)\n") }
    let long = String(repeating: "# long\n", count: 100_000)
    #expect(throws: RecipeError.self) { try Recipe(yaml: long) }
    let many = String(repeating: "  - prune: {}\n", count: 2_000)
    #expect(throws: RecipeError.self) { try Recipe(yaml: "pare: 1\npasses:\n\(many)") }
  }

  /// Changed at random, a recipe is refused with a line that it has, or read.
  @Test(arguments: 0..<8 as Range<UInt64>) func mutationsNeverTrap(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var steps = RandomSteps(seed: seed)
    let recipe = Recipe(steps: try (0..<3).map { _ in try steps.step() })
    let original = Array(recipe.yaml.utf8)
    let tokens = ["&a ", "*a", "? ", ": ", "- ", "{", "}", "[", "]", "!!x ", "|", ">", "%", "\t"]
    for _ in 0..<3_000 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: place)
        case 2:
          let token = tokens[Int.random(in: 0..<tokens.count, using: &random)]
          bytes.insert(contentsOf: token.utf8, at: place)
        default: bytes.removeSubrange(place...)
        }
        if bytes.isEmpty { bytes = [10] }
      }
      let text = String(decoding: bytes, as: UTF8.self)
      do {
        let read = try Recipe(yaml: text)
        #expect(try Recipe(yaml: read.yaml) == read)
      } catch let error as RecipeError {
        // What YAML takes for the end of a line.
        let ends: Set<Unicode.Scalar> = ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"]
        #expect(error.line <= text.unicodeScalars.count { ends.contains($0) } + 1)
        #expect(!error.sentence.isEmpty)
      }
    }
  }
}
