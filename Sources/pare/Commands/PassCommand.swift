internal import ArgumentParser
internal import Compression
internal import Workspace

/// `pare prune`, `pare quantize` and whatever passes there are: one pass,
/// applied and saved.
struct PassCommand<Pass: CompressionPass>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(commandName: Pass.name, abstract: Pass.summary)
  }

  @OptionGroup var input: FileArgument
  @OptionGroup(title: "Dials") var dials: DialOptions<Pass>
  @OptionGroup var layers: LayerOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var form: FormOptions
  @OptionGroup var blocks: BlockOptions
  @OptionGroup var format: FormatOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var report: ReportOptions

  func run() throws {
    let target = try SaveTarget(output, form, blocks, format)
    let step: Step
    do {
      var settings = dials.settings
      let hasText = Pass().settings.contains { $0.name == DialOptions<Pass>.text }
      if hasText, let path = blocks.importance.path {
        settings.append((DialOptions<Pass>.text, path))
      }
      step = try Step(passName: Pass.name, settings: settings, layers: layers.selection)
      for setting in dials.settings { try step.pass.checkMatters(setting.name) }
      try blocks.checkText(isRead: step.pass.measuresInputs && hasText)
    } catch let error as PassError {
      throw UsageError(error.description)
    }
    try target.write(
      Recipe(steps: [step]), of: input, importance: blocks.importance, threads: threads.count,
      asJSON: report.json)
  }
}

extension CompressionPass {
  /// The command that applies this pass.
  static var command: any ParsableCommand.Type { PassCommand<Self>.self }
}
