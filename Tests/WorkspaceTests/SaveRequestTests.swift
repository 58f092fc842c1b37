import CheckpointIO
import Compression
import Jobs
import Synchronization
import Models
import Tensors
import TestSupport
import Testing
import Workspace

/// What a save from the explorer writes, and how it goes on.
@Suite struct SaveRequestTests {
  @Test func nameAndOptionsDecide() throws {
    func kind(_ path: String, isDense: Bool = false, _ blocks: BlockFormat? = nil) throws
      -> SaveRequest
    {
      try SaveRequest(
        named: path, SaveOptions(isPacked: isDense ? false : nil, blocks: blocks))
    }
    #expect(try kind("a.safetensors") == .safetensors(.packed))
    #expect(try kind("a", isDense: true) == .safetensors(.dense(nil)))
    for name in ["a.pt", "a.PTH", "a.bin"] {
      #expect(try kind(name) == .pytorch && kind(name, isDense: true) == .pytorch)
    }
    #expect(try kind("a.gguf", .q4K) == .gguf(.blocks(.q4K)))
    #expect(try kind("a", .q8_0) == .gguf(.blocks(.q8_0)) && kind("a.gguf") == .gguf(.own))
    let both = try #require(throws: SavingError.self) { try kind("a", isDense: true, .q8_0) }
    #expect(both.description == "--type writes GGUF; it excludes --dense")
    #expect(BlockFormat(writable: "q4_k") == .q4K && BlockFormat(writable: "nvfp4") == nil)
  }

  @Test(arguments: [
    ("a.pt", SaveRequest.pytorch, "pytorch"), ("a.gguf", .gguf(.own), "gguf"),
    ("b.gguf", .gguf(.blocks(.q8_0)), "gguf"),
  ])
  func otherFormatsAreWritten(_ name: String, _ kind: SaveRequest, _ format: String) throws {
    let script = try Script(isRunnable: false)
    script.workbench.run(Script.prune(0.5), on: .original)
    script.settle()
    let id = script.workbench.tree.current
    let path = script.folder.file(name)
    script.workbench.save(id, to: path, as: kind)
    script.settle()
    #expect(script.failures.isEmpty)
    let files = script.events.compactMap { event -> SavedFile? in
      if case .saved(_, let file) = event { file } else { nil }
    }
    let file = try #require(files.first)
    #expect(try script.folder.read(path).count == file.byteCount)
    let saved = try Checkpoint.open(path)
    #expect(saved.format == format && saved.parameters.count == file.tensorCount)
    guard kind == .pytorch else { return }
    #expect(file.losses.allSatisfy { !$0.changesValues })
    for parameter in try #require(script.workbench.model(of: id)?.parameters) {
      #expect(try saved.parameters[parameter.name]?.tensor().array == parameter.tensor().array)
    }
  }

  private func kinds(of events: [WorkbenchEvent]) -> [String] {
    events.compactMap { event in
      switch event {
      case .saveGrows: "grows"
      case .saved: "saved"
      case .failed: "failed"
      default: nil
      }
    }
  }

  @Test func aLargerFileIsToldOfBeforeItIsWritten() throws {
    let folder = TemporaryFolder()
    let tiny = try TinyModel.checkpoint(in: folder)
    try GGUFPlan.make(parameters: tiny.parameters, of: tiny, storage: .blocks(.q8_0))
      .write(to: folder.file("m.gguf"))
    let script = try Script(checkpoint: Checkpoint.open(folder.file("m.gguf")))
    script.workbench.save(
      .original, to: script.folder.file("a.safetensors"), as: .safetensors(.dense(.f32)))
    script.settle()
    #expect(kinds(of: script.events) == ["grows", "saved"])
    script.forget()
    script.workbench.save(.original, to: script.folder.file("a.gguf"), as: .gguf(.own))
    script.settle()
    #expect(kinds(of: script.events) == ["saved"])
  }

  @Test func shardsAreWrittenAndNotReplacedUnasked() throws {
    let script = try Script(isRunnable: false)
    var request = SaveRequest.safetensors(.packed)
    request.shardByteCount = 4_000
    let path = script.folder.file("a.safetensors")
    script.workbench.save(.original, to: path, as: request)
    script.settle()
    #expect(kinds(of: script.events) == ["saved"])
    let saved = try Checkpoint.open(path + ".index.json")
    #expect(saved.parameters.count == script.checkpoint.parameters.count)
    script.forget()
    script.workbench.save(.original, to: path, as: request)
    script.settle()
    #expect(!kinds(of: script.events).contains("saved"))
  }

  /// A save that was stopped is gone on with by the explorer, to the same bytes.
  @Test func aStoppedSaveGoesOn() throws {
    let script = try Script(isRunnable: false)
    let path = script.folder.file("out.safetensors")
    let plan = try SavePlan.make(
      parameters: script.checkpoint.parameters, of: script.checkpoint, form: .packed)
    let asked = Mutex(0)
    #expect(throws: CheckpointError.stopped) {
      try plan.write(
        to: path, recipe: Recipe(steps: []).yaml, syncing: 1, progress: { _, _ in },
        shouldStop: {
          asked.withLock {
            $0 += 1
            return $0 > 8
          }
        })
    }
    let kept = try #require(UnfinishedSave.file(for: path))
    #expect(kept.hasSuffix(".out.safetensors.pare-save"))
    script.workbench.save(.original, to: path, as: .safetensors(.packed))
    script.settle()
    let resumed = script.events.compactMap { event -> Int? in
      if case .saved(_, let file) = event { file.resumed } else { nil }
    }
    #expect(try #require(resumed.first) > 0)
    #expect(UnfinishedSave.file(for: path) == nil)
    let whole = script.folder.file("whole.safetensors")
    try plan.write(to: whole)
    #expect(try script.folder.read(path) == script.folder.read(whole))
  }
}

/// What is said of revisions and saves that cannot be (`SentenceTests` has texts, sessions,
/// recipes and files).
@Suite struct WorkSentenceTests {
  private func expect<E: Error & CustomStringConvertible>(
    _ type: E.Type, _ sentence: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ cause: () throws -> Void
  ) throws {
    let error = try #require(throws: type, sourceLocation: sourceLocation) { try cause() }
    #expect(error.description == sentence, sourceLocation: sourceLocation)
  }

  @Test func revisions() throws {
    let script = try Script(isRunnable: false)
    script.workbench.run(Recipe(steps: [Script.prune(0.5), Script.quantize(3)]), on: .original)
    script.settle()
    let bench = script.workbench
    try expect(RevisionError.self, "there is no revision r9") { try bench.go(to: RevisionID(9)) }
    try expect(RevisionError.self, "there is no revision r9") {
      try bench.deleteLeaf(RevisionID(9))
    }
    try expect(RevisionError.self, "the original cannot be deleted") {
      try bench.deleteLeaf(.original)
    }
    try expect(RevisionError.self, "r1 has revisions made from it; delete those first") {
      try bench.deleteLeaf(RevisionID(1))
    }
  }

  @Test func saves() throws {
    let folder = TemporaryFolder()
    let checkpoint = try TinyModel.checkpoint(in: folder)
    let path = try folder.write([1], to: "there")
    try expect(CheckpointError.self, "\(path) is there already; add --force to replace it") {
      try Headless.save(
        checkpoint.model, of: checkpoint, to: path, form: .packed, overwrite: false,
        in: JobContext())
    }
  }

  @Test func selectionsOfNothing() throws {
    let folder = TemporaryFolder()
    let checkpoint = try TinyModel.checkpoint(in: folder)
    for (layers, sentence) in [
      (.matching(["x", "y*"]), "no layer matches x, y*"), (.named(["x"]), "no layer is called x"),
    ] as [(LayerSelection, String)] {
      try expect(PassError.self, "prune magnitude 50 %: \(sentence)") {
        let recipe = Recipe(steps: [Script.prune(0.5, layers: layers)])
        _ = try Headless.apply(recipe, to: checkpoint, in: JobContext())
      }
    }
  }

  @Test(arguments: [
    (
      "a.pt", true,
      "a.pt would be PyTorch, which is dense; a compressed network is packed, as safetensors"
    ),
    (
      "a.gguf", false,
      "a.gguf would be GGUF; training writes safetensors, of which pare convert --type makes GGUF"
    ),
    (
      "a.gguf", true,
      "a.gguf would be GGUF; training writes safetensors, of which pare convert --type makes GGUF"
    ),
  ])
  func outputsOfTraining(_ name: String, _ isCompressing: Bool, _ sentence: String) throws {
    try expect(TrainingFileError.self, sentence) {
      try TrainingRun.check(output: name, isCompressing: isCompressing)
    }
    #expect(throws: Never.self) { try TrainingRun.check(output: "a.pt", isCompressing: false) }
  }
}
