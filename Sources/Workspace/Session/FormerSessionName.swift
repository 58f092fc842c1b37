internal import CheckpointIO
internal import Glibc
internal import Tensors

/// The file name that sessions had while they were named after a checkpoint's path, size and
/// time of change; they are still found by it.
struct FormerSessionName {
  let text: String

  init(_ checkpoint: Checkpoint) {
    var identity = "\(checkpoint.name)\0\(checkpoint.fileByteCount)"
    if let path = checkpoint.path {
      let resolved = unsafe realpath(path, nil)
      if let resolved = unsafe resolved {
        identity += unsafe "\0" + String(cString: resolved)
        unsafe free(resolved)
      }
      var status = stat()
      if unsafe stat(path, &status) == 0 {
        identity += "\0\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
      }
    }
    text =
      "\(Self.harmless(checkpoint.name))-\(Fingerprint(of: identity.utf8).value.hexadecimal).json"
  }

  /// The checkpoint's name as far as it is harmless in a file name.
  private static func harmless(_ name: String) -> String {
    let harmless = name.unicodeScalars.prefix(60).map { scalar -> Character in
      let isHarmless =
        scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
        || scalar == "-" || scalar == "_" || scalar == "."
      return isHarmless ? Character(scalar) : "_"
    }
    return String(harmless)
  }
}
