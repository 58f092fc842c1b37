import CheckpointIO
import Tensors
import TestSupport
import Testing

/// Checkpoints split into several GGUF files.
@Suite struct GGUFPartTests {
  let folder = TemporaryFolder()

  private func part(_ number: Int, of count: Int, tensors: [String]) -> GGUFBytes {
    var file = GGUFBytes()
    if number == 0 { file.add("general.architecture", .text("llama")) }
    file.add("split.no", .number(2, UInt16(number)))
    file.add("split.count", .number(2, UInt16(count)))
    file.add("split.tensors.count", .number(5, Int32(3)))
    for name in tensors {
      let value = Float(name.utf8.reduce(0) { $0 + Int($1) })
      file.add(name, type: 0, [1], GGUFBytes.little(value.bitPattern))
    }
    return file
  }

  private func path(_ number: Int) -> String { folder.file("m-0000\(number)-of-00003.gguf") }

  private func write() {
    let tensors = [["a"], [], ["blk.0.b.weight", "c"]]
    for (number, names) in tensors.enumerated() {
      TemporaryFolder.write(part(number, of: 3, tensors: names).bytes, to: path(number + 1))
    }
  }

  @Test(arguments: 1...3) func anyPartOpensAll(number: Int) throws {
    write()
    let checkpoint = try Checkpoint.open(path(number))
    #expect(checkpoint.tensors.map(\.name) == ["a", "blk.0.b.weight", "c"])
    #expect(checkpoint.warnings.isEmpty)
    #expect(checkpoint.configuration["model_type"] == "llama")
    #expect(try checkpoint.parameters["c"]?.tensor().array == [99])
    #expect(try checkpoint.parameters["a"]?.tensor().array == [97])
    let sizes = (1...3).map { TemporaryFolder.bytes(path($0)).count }
    #expect(checkpoint.fileByteCount == sizes.reduce(0, +))
    let plan = try SavePlan.make(
      parameters: checkpoint.parameters, of: checkpoint, form: .dense(nil))
    #expect(throws: CheckpointError.sameFile(path: path(2))) { try plan.write(to: path(2)) }
  }

  @Test func aMissingOrWrongPartIsNamed() throws {
    write()
    func sentence(_ path: String) -> String {
      do {
        return "opened with \(try Checkpoint.open(path).tensors.count) tensors"
      } catch {
        return error.description
      }
    }
    TemporaryFolder.write(part(1, of: 2, tensors: []).bytes, to: path(2))
    #expect(sentence(path(1)).contains("'m-00002-of-00003.gguf'"))
    TemporaryFolder.write([1, 2, 3], to: path(2))
    #expect(sentence(path(1)).contains("it is no GGUF file"))
    TemporaryFolder.write(part(1, of: 3, tensors: ["a"]).bytes, to: path(2))
    #expect(sentence(path(1)).contains("'a' is listed twice"))
    TemporaryFolder.write(Array(part(1, of: 3, tensors: ["x"]).bytes.dropLast()), to: path(2))
    #expect(sentence(path(3)).contains("tensor 'x' ends at byte"))
    TemporaryFolder.write(part(1, of: 3, tensors: ["x"]).bytes, to: path(2))
    #expect(sentence(path(1)) == "opened with 4 tensors")
    TemporaryFolder.write(part(0, of: 3, tensors: []).bytes, to: folder.file("other.gguf"))
    #expect(sentence(folder.file("other.gguf")).contains("does not end with -00001-of-00003.gguf"))
    TemporaryFolder.write(
      part(0, of: 3, tensors: []).bytes, to: folder.file("lost-00001-of-00003.gguf"))
    #expect(sentence(folder.file("lost-00001-of-00003.gguf")).contains("lost-00002-of-00003.gguf"))
  }
}
