internal import Glibc

/// Paths as they are typed on the command line.
enum FilePaths {
  /// `~` replaced by the home folder.
  static func expanded(_ path: String) -> String {
    guard path == "~" || path.hasPrefix("~/"), let home = unsafe getenv("HOME") else { return path }
    return unsafe String(cString: home) + path.dropFirst()
  }

  /// Completions of the last of a command's words: paths, if no path is typed yet, and
  /// flags.
  static func completions(of words: [String], flags: [String]) -> [String] {
    let isPathThere = words.dropLast().contains { !$0.hasPrefix("--") }
    let paths = isPathThere ? [] : completions(of: words.last ?? "")
    return paths + flags.filter { !words.dropLast().contains($0) }
  }

  /// Names in the folder of `prefix` that begin with it; folders end in `/`.
  static func completions(of prefix: String) -> [String] {
    let cut = prefix.lastIndex(of: "/")
    let folder = cut.map { String(prefix[...$0]) } ?? ""
    let start = cut.map { String(prefix[prefix.index(after: $0)...]) } ?? prefix
    let opened = folder.isEmpty ? "." : expanded(folder)
    return names(in: opened)
      .filter { $0.hasPrefix(start) && (start.hasPrefix(".") || !$0.hasPrefix(".")) }
      .map { folder + $0 + (isFolder(opened + "/" + $0) ? "/" : "") }
      .sorted()
  }

  /// At most a thousand names: more would not help anybody.
  private static func names(in folder: String) -> [String] {
    guard let stream = unsafe opendir(folder) else { return [] }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while names.count < 1_000, let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
