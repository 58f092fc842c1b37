internal import Glibc
internal import HostileInput
internal import TestSupport

/// Fuzzes one reader: `Fuzz READER SEEDS` and whatever libFuzzer takes. Writes the reader's
/// own seeds into the folder `SEEDS` first.
///
/// An input that costs more than a second of processor time or more than 512 MB ends the
/// process, as a trap does, and libFuzzer keeps it. The limits of libFuzzer itself count
/// seconds of a clock that other processes slow down, and look at memory now and then.
@main enum Fuzz {
  private static let secondLimit = 1.0
  private static let megabyteLimit = 512

  private static let folder = TemporaryFolder()
  private static let reader: Reader = {
    let name = CommandLine.arguments.dropFirst().first ?? ""
    guard let reader = Reader(rawValue: name) else {
      let names = Reader.allCases.map(\.rawValue).joined(separator: " ")
      fatalError("the first word is none of \(names)")
    }
    return reader
  }()

  static func main() throws {
    guard CommandLine.argc > 2 else { fatalError("Fuzz READER SEEDS") }
    for (number, seed) in try reader.seeds.enumerated() {
      TemporaryFolder.write(seed, to: "\(CommandLine.arguments[2])/seed-\(number)")
      if let sentence = reader.outcome(of: seed, in: folder) {
        fatalError("seed \(number): \(sentence)")
      }
    }
    // Without the reader's name, which stands where a program's own does.
    var count = CommandLine.argc - 1
    var words = unsafe CommandLine.unsafeArgv + 1
    exit(unsafe runFuzzer(&count, &words) { unsafe readOneInput($0, $1) })
  }

  fileprivate static func read(_ bytes: [UInt8]) -> Int32 {
    let began = clock()
    _ = reader.outcome(of: bytes, in: folder)
    let seconds = Double(clock() - began) / Double(CLOCKS_PER_SEC)
    guard seconds <= secondLimit else { fatalError("\(seconds) s for one input") }
    guard peakMegabytes <= megabyteLimit else { fatalError("\(peakMegabytes) MB for one input") }
    return 0
  }

  /// The most that this process has had in memory.
  private static var peakMegabytes: Int {
    var usage = rusage()
    unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss >> 10
  }
}

/// The name that libFuzzer's library wants to be there, even if it is given another function.
@_cdecl("LLVMFuzzerTestOneInput")
public func readOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  Fuzz.read(unsafe Array(UnsafeBufferPointer(start: start, count: count)))
}

/// libFuzzer's entry for programs with a `main` of their own, which its library has without
/// a header. Pointers and 32-bit numbers are passed alike in C and in Swift.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
  _ count: UnsafeMutablePointer<Int32>,
  _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ each: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32
