import CheckpointIO
import Compression
import TestSupport
import Testing
import Workspace

@Suite struct SessionTests {
  private let folder = TemporaryFolder()

  private func session(bytes: Int = 100) -> Session {
    Session(
      directory: folder.file("state/pare"), name: "m odel/ü", contentKey: UInt64(bytes))
  }

  private func filled(seed: UInt64) throws -> Session {
    var random = SplitMix64(seed: seed)
    var steps = RandomSteps(seed: seed)
    var tree = RevisionTree(original: Metrics(weights: 10))
    for _ in 0..<12 {
      let some = try #require(tree.revisions.randomElement(using: &random)).id
      let id = tree.add(.pass(try steps.step()), parent: some)
      var metrics = Metrics(weights: 10)
      metrics.loss = [1.25, .infinity, nil][Int.random(in: 0..<3, using: &random)]
      metrics.fileBytes = Int.random(in: 0..<1_000, using: &random)
      metrics.measuredOn = "a text"
      tree.setMetrics(metrics, of: id)
      if Bool.random(using: &random) { try tree.go(to: id) }
    }
    var session = session()
    session.tree = tree
    session.place = ["view": "layer", "cursor": "3,4", "ö": "\n"]
    return session
  }

  @Test func nothingStoredIsAnEmptySession() {
    let session = session()
    #expect(session.tree == nil)
    #expect(session.place.isEmpty)
    #expect(session.warning == nil)
    #expect(folder.names.isEmpty)
  }

  @Test(arguments: 0..<20 as Range<UInt64>) func whatIsWrittenIsReadBack(seed: UInt64) throws {
    let written = try filled(seed: seed)
    try written.write()
    let read = session()
    #expect(read.path == written.path)
    #expect(read.warning == nil)
    #expect(read.tree == written.tree)
    #expect(read.place == written.place)
    #expect(session(bytes: 101).tree == nil)
  }

  /// A program that was killed before it renamed leaves its sibling; what was
  /// there before is what is read.
  @Test func aTornWriteLeavesTheFormerSession() throws {
    let written = try filled(seed: 1)
    try written.write()
    let whole = try folder.read(written.path)
    for share in stride(from: 0.0, to: 1, by: 0.1) {
      let torn = Array(whole[..<Int(share * Double(whole.count))])
      let name = String(written.path.dropFirst(folder.path.count + 1)) + ".77.tmp"
      _ = try folder.write(torn, to: name)
      #expect(session().tree == written.tree)
    }
    var next = written
    next.place = [:]
    try next.write()
    #expect(session().place.isEmpty)
  }

  /// Cut off anywhere, the file is set aside and the session is empty.
  @Test func aCutFileIsSetAside() throws {
    let written = try filled(seed: 2)
    try written.write()
    let whole = try folder.read(written.path)
    let name = String(written.path.dropFirst(folder.path.count + 1))
    for length in stride(from: 0, to: whole.count - 1, by: max(1, whole.count / 200)) {
      _ = try folder.write(Array(whole[..<length]), to: name)
      let read = session()
      #expect(read.tree == nil)
      #expect(read.warning?.contains(".bad") == true)
      #expect(try folder.read(written.path + ".bad").count == length)
      #expect(session().warning == nil)
    }
  }

  @Test(arguments: 0..<4 as Range<UInt64>) func mutationsNeverTrap(seed: UInt64) throws {
    let written = try filled(seed: seed)
    try written.write()
    let whole = try folder.read(written.path)
    let name = String(written.path.dropFirst(folder.path.count + 1))
    var random = SplitMix64(seed: seed)
    for _ in 0..<500 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        if Bool.random(using: &random) {
          bytes[place] = UInt8.random(in: 0x20...0x7E, using: &random)
        } else {
          bytes.remove(at: place)
        }
      }
      _ = try folder.write(bytes, to: name)
      let read = session()
      #expect((read.tree == nil) == (read.warning != nil))
      if let tree = read.tree { #expect(tree[tree.current] != nil) }
    }
  }

  @Test(arguments: [
    "", "{}", "[]", "null", "\u{0}", "[[[[",
    #"{"version":2,"place":{},"current":0,"nextNumber":1,"lastVisited":[],"revisions":[]}"#,
    #"{"version":1,"place":{},"current":0,"nextNumber":1,"lastVisited":[],"revisions":[]}"#,
    #"{"version":1,"place":{},"current":4,"nextNumber":1,"lastVisited":[],"#
      + #""revisions":[{"id":0,"metrics":{"weights":1}}]}"#,
    #"{"version":1,"place":{},"current":0,"nextNumber":9223372036854775807,"lastVisited":[],"#
      + #""revisions":[{"id":0,"metrics":{"weights":1}}]}"#,
  ]) func foreignFilesAreSetAside(text: String) throws {
    let path = session().path
    var other = session()
    other.place = ["a": "b"]
    try other.write()
    _ = try folder.write(Array(text.utf8), to: String(path.dropFirst(folder.path.count + 1)))
    let read = session()
    #expect(read.tree == nil)
    #expect(read.warning != nil)
  }

  /// Figures nothing measures are forgotten, with those measured beside them,
  /// and the rest stays.
  @Test(
    arguments: [
      { $0.loss = -1 }, { $0.loss = -.infinity }, { $0.loss = 1e300 }, { $0.perplexity = -2 },
      { $0.kl = -1 }, { $0.agreement = 2 }, { $0.agreement = .nan }, { $0.tokens = -1 },
      { $0.tokens = .max }, { $0.tokensPerSecond = .nan }, { $0.tokensPerSecond = -1 },
      { $0.layerSpeed = -1 },
      { $0.measuredOn = String(repeating: "x", count: 10_000) },
    ] as [@Sendable (inout Metrics) -> Void])
  func impossibleLossesAreForgotten(_ spoil: @Sendable (inout Metrics) -> Void) throws {
    let metrics = try restored(spoil)
    #expect(metrics.loss == nil && metrics.perplexity == nil && metrics.kl == nil)
    #expect(metrics.agreement == nil && metrics.tokens == nil && metrics.measuredOn == nil)
    #expect(metrics.fileBytes == 100 && metrics.keptWeights == 5)
  }

  @Test(
    arguments: [
      { $0.sparsity = -0.5 }, { $0.sparsity = .nan }, { $0.bitsPerWeight = .infinity },
      { $0.bitsPerWeight = -1 }, { $0.layerError = -1 }, { $0.fileBytes = -1 },
      { $0.fileBytes = .max }, { $0.keptWeights = -1 }, { $0.keptWeights = 11 },
    ] as [@Sendable (inout Metrics) -> Void])
  func impossibleSizesAreForgotten(_ spoil: @Sendable (inout Metrics) -> Void) throws {
    let metrics = try restored(spoil)
    #expect(metrics.fileBytes == nil && metrics.sparsity == nil && metrics.keptWeights == nil)
    #expect(metrics.loss == 1.25 && metrics.tokens == 7)
  }

  /// What a broken model truly has.
  @Test(arguments: [Double.nan, .infinity]) func brokenLossesStay(loss: Double) throws {
    let metrics = try restored { ($0.loss, $0.perplexity, $0.kl) = (loss, loss, loss) }
    #expect(metrics.loss?.bitPattern == loss.bitPattern && metrics.tokens == 7)
  }

  @Test(arguments: [-1, Int.max, Int.min]) func impossibleWeightsAreRefused(weights: Int) throws {
    var written = session()
    written.tree = RevisionTree(original: Metrics(weights: weights))
    try written.write()
    let read = session()
    #expect(read.tree == nil)
    #expect(read.warning?.contains("r0 of it has a number of weights that no model has") == true)
  }

  /// As sessions were written when weights from elsewhere counted as passes.
  @Test func earlierSessionsOpen() throws {
    let text =
      #"{"current":3,"lastVisited":[],"nextNumber":5,"place":{},"version":1,"revisions":["#
      + #"{"id":0,"metrics":{"weights":1}},"#
      + #"{"id":1,"parent":0,"metrics":{"weights":1},"step":{"pass":"prune","layers":{"all":{}},"#
      + #""settings":[{"name":"amount","value":"0.25"}]}},"#
      + #"{"id":2,"parent":0,"metrics":{"weights":1},"step":{"pass":"load","#
      + #""layers":{"matching":{"_0":["*"]}},"settings":[{"name":"path","value":"/a/b.gguf"}]}},"#
      + #"{"id":3,"parent":0,"metrics":{"weights":1},"step":{"pass":"trained","#
      + #""layers":{"matching":{"_0":["*"]}},"settings":[{"name":"step","value":"600"},"#
      + #"{"name":"gamma","value":"0.02"},{"name":"rate-factor","value":"1"},"#
      + #"{"name":"path","value":"0123456789abcdef.safetensors"}]}},"#
      + #"{"id":4,"parent":0,"metrics":{"weights":1},"step":{"pass":"load","#
      + #""layers":{"matching":{"_0":["*"]}},"settings":[]}}]}"#
    let name = String(session().path.dropFirst(folder.path.count + 1))
    let weights = String(name.dropLast(".json".count)) + ".weights/0123456789abcdef.safetensors"
    try WholeFile.makeFolders(above: folder.file(weights))
    _ = try folder.write([], to: weights)
    _ = try folder.write(Array(text.utf8), to: name)
    let read = session()
    #expect(read.warning == nil)
    let tree = try #require(read.tree)
    #expect(
      tree.revisions.map(\.title) == [
        "original", "prune magnitude 25 %", "b.gguf", "training, step 600",
        "shakespeare-char-compressed.safetensors",
      ])
    guard case .loaded(let loaded) = tree[RevisionID(2)]?.provenance else {
      Issue.record("r2 is not loaded")
      return
    }
    #expect(loaded.path == "/a/b.gguf")
    #expect(tree[RevisionID(3)]?.trainedWeights?.file == folder.file(weights))
    try read.write()
    #expect(session().warning == nil && session().tree == tree)
  }

  /// A session tells passes from weights from elsewhere by their names.
  @Test(arguments: ["load", "trained"]) func noPassIsCalledSo(_ word: String) {
    #expect(PassCatalog.named(word) == nil)
  }

  @Test func endlessTreesAreRefused() throws {
    var written = session()
    var tree = RevisionTree()
    let step = try Step(passName: "prune", settings: [])
    for _ in 0..<4096 { tree.add(.pass(step), parent: .original) }
    written.tree = tree
    try written.write()
    #expect(session().warning?.contains("it has more than 4096 revisions") == true)
  }

  /// The figures of an original after they were stored and read.
  private func restored(_ spoil: (inout Metrics) -> Void) throws -> Metrics {
    var metrics = Metrics(weights: 10)
    (metrics.loss, metrics.perplexity, metrics.kl, metrics.agreement) = (1.25, 3.5, 0.1, 0.9)
    (metrics.tokens, metrics.tokensPerSecond, metrics.measuredOn) = (7, 80, "a text")
    (metrics.fileBytes, metrics.sparsity, metrics.keptWeights) = (100, 0.5, 5)
    (metrics.bitsPerWeight, metrics.layerError) = (3, 0.2)
    spoil(&metrics)
    var written = session()
    written.tree = RevisionTree(original: metrics)
    try written.write()
    return try #require(session().tree).original.metrics
  }

  @Test func deepNestingIsRefused() throws {
    try filled(seed: 3).write()
    let path = session().path
    let deep = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
    _ = try folder.write(deep, to: String(path.dropFirst(folder.path.count + 1)))
    #expect(session().warning != nil)
  }

  @Test func aFolderInItsPlaceIsNoCrash() throws {
    let path = session().path
    _ = try filled(seed: 4).write()
    _ = try? folder.write([], to: "x")
    let blocked = Session(directory: folder.file("x"), name: "m", contentKey: 1)
    #expect(blocked.tree == nil)
    #expect(throws: SessionError.self) { try blocked.write() }
    #expect(!path.isEmpty)
  }

  @Test func theFolderFollowsTheSpecification() {
    func directory(_ variables: [String: String]) -> String? {
      Session.standardDirectory { variables[$0] }
    }
    #expect(directory(["XDG_STATE_HOME": "/s", "HOME": "/h"]) == "/s/pare")
    #expect(directory(["XDG_STATE_HOME": "relative", "HOME": "/h"]) == "/h/.local/state/pare")
    #expect(directory(["HOME": "/h"]) == "/h/.local/state/pare")
    #expect(directory([:]) == nil)
    #expect(directory(["PARE_NO_SESSION": "1", "HOME": "/h"]) == nil)
    #expect(directory(["PARE_NO_SESSION": "0", "HOME": "/h"]) != nil)
  }
}
