internal import Compression
internal import Terminal
internal import Workspace

/// What a sheet does to the revision on screen, as commands for a shell: from the file that the
/// revision began from, pass by pass.
struct ShellCommand {
  let text: String
  /// What it applies to, and what has to be there first.
  let note: String

  private static let output = "OUT.safetensors"

  init(_ sheet: Sheet, _ state: AppState) {
    var notes: [String] = []
    switch sheet.subject {
    case .training(let dials, let draft):
      let file = Self.file(of: .original, state, &notes)
      text = Self.training(dials, draft, file: file)
      notes.insert("input: \(file)", at: 0)
    case .pass(let pass, let layers):
      let path = state.tree.path(to: state.current)
      let root = path.lastIndex { $0.step == nil } ?? 0
      let file = Self.file(of: path[root].id, state, &notes)
      var input = file
      var commands: [String] = []
      for revision in path[(root + 1)...] {
        guard let step = revision.step else { continue }
        commands.append(
          CommandText.shell(step, file: input, output: "\(revision.id).safetensors"))
        input = "\(revision.id).safetensors"
      }
      let last = Step(pass: pass, layers: layers)
      commands.append(CommandText.shell(last, file: input, output: Self.output))
      text = commands.joined(separator: " && ")
      let made = commands.count > 1 ? ", of which \(state.current) is made first" : ""
      notes.insert("input: \(file)\(made)", at: 0)
    }
    notes.append(
      "Sent to the clipboard by OSC 52, which not every terminal allows. The mouse is off until "
        + "this is closed, so that the text can be selected.")
    note = notes.joined(separator: "\n")
  }

  /// The file that a revision began from.
  private static func file(
    of id: RevisionID, _ state: AppState, _ notes: inout [String]
  ) -> String {
    switch state.tree[id]?.provenance {
    case .loaded(let loaded): if let path = loaded.path { return path }
    case .trained(let trained): if let path = trained.file { return path }
    case .pass, nil: if let path = state.model.path { return path }
    }
    if let path = state.savedFiles[id] { return path }
    notes.append("\(id) has no file yet; save it first: :go \(id), then :save \(id).safetensors")
    return "\(id).safetensors"
  }

  private static func training(
    _ dials: TrainingDials, _ draft: TrainingDraft, file: String
  ) -> String {
    var words = ["pare"]
    words +=
      dials.isCompressing
      ? ["compress", CommandText.quoted(file), "--text", CommandText.quoted(draft.textPath)]
      : ["train", CommandText.quoted(draft.textPath), "--from", CommandText.quoted(file)]
    for (setting, usual) in zip(dials.settings, TrainingDials().settings) where setting.isActive {
      let isAim = ["target", "gamma"].contains(setting.name)
      guard setting.name != "aim", isAim || setting.value != usual.value else { continue }
      words += ["--" + setting.name, setting.value.description]
    }
    words += ["-o", CommandText.quoted(draft.output)]
    if draft.overwrite { words.append("--force") }
    return words.joined(separator: " ")
  }

  /// The text in lines: each but the last ends in a backslash, after which a shell goes on.
  static func lines(of text: String, width: Int) -> [String] {
    let room = max(width - 2, 2)
    var lines: [String] = []
    for word in words(of: text) {
      if let last = lines.last, last.columns + 1 + word.columns <= room {
        lines[lines.count - 1] = last + " " + word
      } else {
        if !lines.isEmpty { lines[lines.count - 1] += " \\" }
        let pieces = word.broken(to: room)
        lines += pieces.dropLast().map { $0 + "\\" } + pieces.suffix(1)
      }
    }
    return lines
  }

  /// Split at blanks outside quotes, which stay.
  private static func words(of text: String) -> [String] {
    var words = [""]
    var isQuoted = false
    for character in text {
      if character == "'" { isQuoted.toggle() }
      if character == " ", !isQuoted {
        words.append("")
      } else {
        words[words.count - 1].append(character)
      }
    }
    return words.filter { !$0.isEmpty }
  }
}
