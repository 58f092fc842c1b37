import Foundation
public import Terminal
public import Testing

/// Compares a frame with the golden screen `Screens/NAME.txt` beside the test's file.
///
/// With `RECORD_SCREENS=1` in the environment the file is written anew, and the test fails, so
/// that nobody takes a recording for a pass.
public func expectScreen(
  _ frame: CellGrid, _ theme: Theme, named name: String, file: String = #filePath,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let folder = URL(filePath: file).deletingLastPathComponent().appending(path: "Screens")
  let url = folder.appending(path: "\(name).txt")
  let actual = GoldenScreen.text(of: frame, theme)
  if ProcessInfo.processInfo.environment["RECORD_SCREENS"] == "1" {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try Data(actual.utf8).write(to: url)
      Issue.record("recorded Screens/\(name).txt", sourceLocation: sourceLocation)
    } catch {
      Issue.record(error, sourceLocation: sourceLocation)
    }
    return
  }
  guard let data = try? Data(contentsOf: url) else {
    Issue.record(
      "no Screens/\(name).txt; RECORD_SCREENS=1 writes it:\n\(actual)",
      sourceLocation: sourceLocation)
    return
  }
  let expected = String(decoding: data, as: UTF8.self)
  guard expected != actual else { return }
  Issue.record(
    "Screens/\(name).txt differs (- golden, + now):\n\(lineDifference(expected, actual))",
    sourceLocation: sourceLocation)
}

/// The lines of two texts that differ, each with its number and those around it.
public func lineDifference(_ old: String, _ new: String) -> String {
  let before = old.split(separator: "\n", omittingEmptySubsequences: false)
  let after = new.split(separator: "\n", omittingEmptySubsequences: false)
  var text = ""
  for index in 0..<max(before.count, after.count) {
    let a = index < before.count ? before[index] : nil
    let b = index < after.count ? after[index] : nil
    guard a != b else { continue }
    if let a { text += "\(index + 1) - \(a)\n" }
    if let b { text += "\(index + 1) + \(b)\n" }
  }
  return text
}
