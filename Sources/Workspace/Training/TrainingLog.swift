internal import CheckpointIO
internal import FoundationEssentials
internal import Glibc
public import Training

/// What a training run writes down as it goes: one JSON object a line, the settings
/// first.
public struct TrainingLog: Sendable, Hashable {
  /// The first line.
  public struct Header: Sendable, Hashable, Codable {
    /// `pare train` or another that wrote it.
    public var program: String
    public var settings: TrainingSettings
    /// Weights that are trained, and tokens of the vocabulary.
    public var parameters: Int
    public var vocabulary: Int
    /// Tokens to train on and to validate.
    public var trainingTokens: Int
    public var validationTokens: Int
  }

  /// Another line: a step, or something that happened. What does not apply is nil.
  public struct Entry: Sendable, Hashable, Codable {
    /// Steps done, from 1.
    public var step: Int
    public var loss: Double?
    public var validation: Double?
    public var rate: Double?
    public var gradientNorm: Double?
    public var tokensPerSecond: Double?
    /// Seconds of training.
    public var elapsed: Double?
    /// Mean bit depth (the paper's Q), and bits per weight of the packed codes and
    /// by their entropy.
    public var q: Double?
    public var packedBits: Double?
    public var entropyBits: Double?
    public var gamma: Double?
    public var liveChannels: Int?
    /// What happened, a few words.
    public var event: String?

    public init(step: Int) { self.step = step }
  }

  public var header: Header
  public var entries: [Entry]
  /// Lines that could not be understood.
  public private(set) var unreadable = 0

  /// More is no log of ours.
  static let byteLimit = 1 << 28
  static let lineLimit = 1 << 16

  /// The log of the run that writes `output`.
  public static func path(for output: String) -> String { output + ".log.jsonl" }

  /// Reads a log; nil when there is none. A line that makes no sense, such as the
  /// last one of a run that was killed, is left out and counted. Throws
  /// `TrainingFileError` when the file is no log.
  public init?(_ path: String) throws {
    let bytes: [UInt8]?
    do {
      bytes = try WholeFile.read(path, limit: TrainingLog.byteLimit)
    } catch {
      throw TrainingFileError(error.about("the log"))
    }
    guard let bytes else { return nil }
    try self.init(bytes: bytes, path: path)
  }

  /// Reads the log that `bytes` are.
  init(bytes: [UInt8], path: String) throws {
    let lines = bytes.split(separator: UInt8(ascii: "\n"))
    let decoder = JSONDecoder()
    guard let first = lines.first, first.count <= TrainingLog.lineLimit,
      let header = try? decoder.decode(Header.self, from: Data(first))
    else { throw TrainingFileError("the log \(path) does not begin as one") }
    self.header = header
    entries = []
    entries.reserveCapacity(lines.count)
    for line in lines.dropFirst() {
      if line.count <= TrainingLog.lineLimit,
        let entry = try? decoder.decode(Entry.self, from: Data(line)), entry.isPlausible
      {
        entries.append(entry)
      } else {
        unreadable += 1
      }
    }
  }

  /// The log of the run as it was after a step.
  func through(step: Int) -> TrainingLog {
    var log = self
    log.entries.removeAll { $0.step > step }
    return log
  }

  /// Writes it to a file of its own. Throws `CheckpointError`.
  func write(to path: String) throws {
    let lines = try [Self.line(header)] + entries.map { try Self.line($0) }
    try WholeFile.write(lines.flatMap(\.self), to: path)
  }

  fileprivate static func line(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(value)) + [UInt8(ascii: "\n")]
  }
}

extension TrainingLog.Entry {
  /// JSON has no infinities, but a decoder may make one of 1e999.
  fileprivate var isPlausible: Bool {
    let numbers = [
      loss, validation, rate, gradientNorm, tokensPerSecond, elapsed, q, packedBits, entropyBits,
      gamma,
    ]
    return step >= 0 && numbers.allSatisfy { $0?.isFinite ?? true }
  }
}

/// Adds lines to a log file.
final class TrainingLogWriter {
  private let descriptor: Int32

  /// Begins a file; one that is there is replaced only where `overwrite` says so. Throws
  /// `TrainingFileError`.
  init(_ path: String, _ header: TrainingLog.Header, overwrite: Bool) throws {
    descriptor = try TrainingLogWriter.open(path, overwrite ? 0 : O_EXCL)
    guard ftruncate(descriptor, 0) == 0, append(try TrainingLog.line(header)) else {
      throw TrainingFileError(TrainingLogWriter.obstacle(path))
    }
  }

  /// Goes on behind the lines of steps up to `step`; what an interrupted run wrote
  /// later goes. A log that is gone begins anew. Throws `TrainingFileError`.
  init(continuing path: String, _ header: TrainingLog.Header, through step: Int) throws {
    let known: [UInt8]?
    do {
      known = try WholeFile.read(path, limit: TrainingLog.byteLimit)
    } catch {
      throw TrainingFileError(error.about("the log"))
    }
    descriptor = try TrainingLogWriter.open(path)
    let bytes = try known ?? TrainingLog.line(header)
    guard known != nil || append(bytes) else {
      throw TrainingFileError(TrainingLogWriter.obstacle(path))
    }
    let decoder = JSONDecoder()
    var kept = (bytes.firstIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
    while let end = bytes[kept...].firstIndex(of: UInt8(ascii: "\n")),
      let entry = try? decoder.decode(TrainingLog.Entry.self, from: Data(bytes[kept..<end])),
      entry.step <= step
    { kept = end + 1 }
    guard ftruncate(descriptor, off_t(kept)) == 0 else {
      throw TrainingFileError(TrainingLogWriter.obstacle(path))
    }
  }

  deinit { close(descriptor) }

  /// Opens the file and keeps other runs away from it.
  private static func open(_ path: String, _ flags: Int32 = 0) throws -> Int32 {
    let descriptor = unsafe Glibc.open(
      path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0o666)
    guard descriptor >= 0 else {
      switch errno {
      case EEXIST: throw TrainingFileError("\(path) is there already; --force overwrites it")
      case ELOOP: throw TrainingFileError("the log \(path) cannot be written: it is a link")
      default: throw TrainingFileError(obstacle(path))
      }
    }
    var status = stat()
    let problem: String? =
      if unsafe fstat(descriptor, &status) != 0 || status.st_mode & S_IFMT != S_IFREG {
        "it is no regular file"
      } else if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
        "another run writes it"
      } else {
        nil
      }
    guard let problem else { return descriptor }
    close(descriptor)
    throw TrainingFileError("the log \(path) cannot be written: \(problem)")
  }

  private static func obstacle(_ path: String) -> String {
    "the log \(path) cannot be written: \(unsafe String(cString: strerror(errno)))"
  }

  /// Appends one line; returns whether that succeeded.
  func add(_ entry: TrainingLog.Entry) -> Bool {
    guard let line = try? TrainingLog.line(entry) else { return false }
    return append(line)
  }

  private func append(_ line: [UInt8]) -> Bool {
    unsafe line.withUnsafeBytes {
      unsafe write(descriptor, $0.baseAddress, $0.count) == $0.count
    }
  }
}
