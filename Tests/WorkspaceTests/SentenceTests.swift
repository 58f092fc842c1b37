import CheckpointIO
import Foundation
import Jobs
import Testing
import Workspace

/// What is said of texts, sessions, recipes and files of training runs that cannot be used:
/// inputs and their sentences (those of a recipe's lines are in `RecipeTests`).
@Suite struct SentenceTests {
  private let folder = TemporaryFolder()

  private func expect<E: Error & CustomStringConvertible>(
    _ type: E.Type, _ sentence: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ cause: () throws -> Void
  ) throws {
    let error = try #require(throws: type, sourceLocation: sourceLocation) { try cause() }
    let said = error.description.replacing(folder.path, with: "FOLDER")
    #expect(said == sentence, sourceLocation: sourceLocation)
  }

  @Test func texts() throws {
    let checkpoint = try TinyModel.checkpoint(in: folder)
    func measure(_ name: String, _ checkpoint: Checkpoint) throws {
      _ = try Headless.evaluate(checkpoint, on: .file(folder.file(name)), in: JobContext())
    }
    for (name, bytes) in [
      ("empty", []), ("binary", [0x61, 0x62, 0xFF, 0x61]), ("one", [0x61]),
      ("unknown", [0x61, 0x1B]), ("good", [0x61, 0x62]),
    ] as [(String, [UInt8])] {
      _ = try folder.write(bytes, to: name)
    }
    let long = FileHandle(forWritingAtPath: try folder.write([], to: "long"))
    try long?.truncate(atOffset: 1 << 30 + 1)
    try long?.close()
    for (name, sentence) in [
      ("none", "the text FOLDER/none cannot be opened: No such file or directory"),
      (".", "the text FOLDER/. is not a file"), ("empty", "the text FOLDER/empty is empty"),
      ("long", "the text FOLDER/long is longer than 1,073,741,824 bytes"),
      ("binary", "the text FOLDER/binary is not UTF-8 at byte 2"),
      ("one", "one is too short: at least 2 tokens are needed to measure"),
      (
        "unknown",
        #"unknown: The vocabulary has no token for "\u{1B}" (U+1B) at position 1 of the text."#
      ),
    ] {
      try expect(TextError.self, sentence) { try measure(name, checkpoint) }
    }
    let plan = try SavePlan.make(
      parameters: checkpoint.parameters, metadata: ["pare.config": #"{"n_head": 2}"#],
      form: .dense(nil))
    try plan.write(to: folder.file("mute"))
    let mute = try Checkpoint.open(folder.file("mute"))
    try expect(
      TextError.self,
      "the checkpoint has no tokenizer, in its file or beside it, so no text can be read; "
        + "pare eval and compare take one in numbers, --tokens FILE"
    ) { try measure("good", mute) }
  }

  @Test func sessions() throws {
    func session() -> Session {
      Session(directory: folder.path, name: "a", contentKey: 1)
    }
    let name = String(session().path.dropFirst(folder.path.count + 1))
    func stored(version: Int = 1, weights: Int = 10, revisions: Int = 1, id: Int = 0) -> String {
      let list = (0..<revisions).map { #"{"id":\#($0 + id),"metrics":{"weights":\#(weights)}}"# }
      return #"{"current":0,"lastVisited":[],"nextNumber":9,"place":{},"revisions":["#
        + list.joined(separator: ",") + #"],"version":\#(version)}"#
    }
    for (text, reason) in [
      ("{}", "it is not what Pare writes"),
      (stored(version: 2), "it was written by another version of Pare"),
      (stored(revisions: 4097), "it has more than 4096 revisions"),
      (stored(id: 3), "its revisions do not form a tree"),
      (stored(weights: -1), "r0 of it has a number of weights that no model has"),
    ] {
      _ = try folder.write(Array(text.utf8), to: name)
      let warning = session().warning?.replacing(folder.path, with: "FOLDER")
      #expect(
        warning
          == "the stored session could not be used (\(reason)) and was set aside as "
          + "FOLDER/\(name).bad")
    }
    _ = try folder.write([], to: "file")
    let blocked = Session(directory: folder.file("file"), name: "a", contentKey: 1)
    let place = blocked.path.replacing(folder.path, with: "FOLDER")
    try expect(
      SessionError.self, "the session was not kept: cannot write \(place): Not a directory"
    ) { try blocked.write() }
  }

  @Test func recipes() throws {
    let binary = try folder.write([0xFF], to: "binary")
    try expect(
      RecipeFileError.self, "cannot read the recipe FOLDER/binary: it is not UTF-8 text"
    ) { _ = try Recipe(contentsOf: binary) }
    try expect(
      RecipeFileError.self, "cannot read the recipe FOLDER/none: there is no such file"
    ) { _ = try Recipe(contentsOf: folder.file("none")) }
    try expect(RecipeFileError.self, "cannot read the recipe FOLDER: it is not a file") {
      _ = try Recipe(contentsOf: folder.path)
    }
    // As README's table of limits says.
    let long = try folder.write([UInt8](repeating: 0x20, count: 262_145), to: "long")
    try expect(
      RecipeFileError.self, "cannot read the recipe FOLDER/long: it is longer than 262,144 bytes"
    ) { _ = try Recipe(contentsOf: long) }
    try expect(RecipeError.self, "line 1 of the recipe: it is longer than 262,144 bytes") {
      _ = try Recipe(yaml: String(repeating: " ", count: 262_145))
    }
    // Names of the file's are shown, and no more of them than a line holds.
    let value = #"\e[31m"# + String(repeating: "n", count: 5000)
    let text = "pare: 1\npasses:\n  - prune: {amount: \"\(value)\"}\n"
    let error = try #require(throws: RecipeError.self) { try Recipe(yaml: text) }
    #expect(error.sentence.contains(#"\u{1B}[31mnnn"#))
    #expect(error.sentence.count < 1100 && error.sentence.hasSuffix("…"))
  }

  @Test func filesOfTrainingRuns() throws {
    let log = try folder.write(Array("{}\n".utf8), to: "log")
    try expect(TrainingFileError.self, "the log FOLDER/log does not begin as one") {
      _ = try TrainingLog(log)
    }
    try expect(TrainingFileError.self, "cannot read the log FOLDER: it is not a file") {
      _ = try TrainingLog(folder.path)
    }
    let settings =
      #"{"accumulate":1,"batch":0,"context":8,"dropout":0,"length":{"steps":{"_0":1}},"#
    let state = folder.file("state")
    for (text, sentence) in [
      ("{}", "FOLDER/state is no saved training"), (settings, "FOLDER/state is no saved training"),
    ] {
      try SavePlan.make(
        parameters: TinyModel.checkpoint(in: folder).parameters,
        metadata: ["pare.training": text], form: .dense(nil)
      ).write(to: state)
      try expect(TrainingFileError.self, sentence) { _ = try TrainingState(state) }
    }
  }
}
