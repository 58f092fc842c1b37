/// Names what a file is when it is no checkpoint of ours, from its first bytes.
enum ForeignFile {
  static func error(for file: Bytes) -> CheckpointError {
    if let name = signatures.first(where: { file.starts(with: $0.0) })?.1 {
      return .unsupportedFormat(name: name)
    }
    if file.count > 2, file[0] == 0x1F, file[1] == 0x8B {
      return .unsupportedFormat(name: "a gzip archive")
    }
    if isHTML(file) {
      return .unsupportedFormat(name: "an HTML page (the download went to a web page instead)")
    }
    if isPickle(file) {
      return .unsupportedFormat(name: "a bare pickle, none of which was run")
    }
    guard file.count >= 8 else {
      return .truncated(what: "the header length", offset: 0, needed: 8, available: file.count)
    }
    let length = file.load(UInt64.self, at: 0)
    if file.count > 8, SafetensorsFormat.startsObject(file[8..<min(file.count, 8 + 64)]) {
      return .headerTooLong(length: length, limit: SafetensorsFormat.headerLimit)
    }
    if length > 0, length <= UInt64(file.count - 8) {
      return .invalidJSON(offset: 8, reason: "a safetensors header must begin with '{'")
    }
    return .unrecognized(start: start(of: file))
  }

  private static let signatures: [(StaticString, String)] = [
    ("lmgg", "an old GGML file"),
    ("GGML", "an old GGML file"),
    ("tjgg", "an old GGML (GGJT) file"),
    ("fmgg", "an old GGML (GGMF) file"),
    ("version https://git-lfs", "a Git LFS pointer, not the checkpoint itself"),
    ("PK\u{5}\u{6}", "an empty zip archive"),
    ("BZh", "a bzip2 file"),
    ("7z", "a 7z archive"),
    ("ONNX", "an ONNX file"),
    ("TFL3", "a TensorFlow Lite file"),
  ]

  private static func isHTML(_ file: Bytes) -> Bool {
    let head = file[0..<min(file.count, 64)]
    let text = (head.text ?? "").lowercased().drop { $0.isWhitespace }
    return ["<!doctype html", "<html", "<?xml", "<head"].contains { text.hasPrefix($0) }
  }

  /// Protocol 2 and later begin with PROTO; protocol 0 with GLOBAL `cmodule` or a MARK ends with STOP.
  private static func isPickle(_ file: Bytes) -> Bool {
    if file[0] == 0x80, file.count > 1, (2...5).contains(file[1]) { return true }
    return file[file.count - 1] == UInt8(ascii: ".") && [0x63, 0x28, 0x7D, 0x5D].contains(file[0])
  }

  private static func start(of file: Bytes) -> String {
    let shown = 8
    let head = file[0..<min(file.count, shown)]
    let isText = (0..<head.count).allSatisfy { (0x20..<0x7F).contains(head[$0]) }
    if isText, let text = head.text { return "'\(text)'" }
    let digits = (0..<head.count).map { index in
      let byte = String(head[index], radix: 16)
      return byte.count == 1 ? "0" + byte : byte
    }
    return "bytes \(digits.joined(separator: " "))"
  }
}
