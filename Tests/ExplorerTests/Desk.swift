import CheckpointIO
import Compression
import Explorer
import Jobs
import Terminal
import TestSupport
import Workspace

/// A state of the explorer joined to a workbench without a terminal: keys go in,
/// and what they ask for is done, files excepted.
final class Desk {
  let folder = TemporaryFolder()
  let workbench: Workbench
  var state: AppState
  private(set) var passes = 0

  init(_ checkpoint: (TemporaryFolder) throws -> Checkpoint, theme: Theme = Desk.night) throws {
    let opened = try checkpoint(folder)
    workbench = try Workbench(checkpoint: opened, threads: 2)
    state = AppState(model: ModelMap(opened), tree: workbench.tree, theme: theme)
    state.whyNotRunnable = workbench.whyNotRunnable
  }

  static let night = ThemeCatalog.all[0]

  var area: Rect { FrameLayout(state).view }

  /// Does what an event leads to, and takes in what has come meanwhile.
  func handle(_ event: Event) {
    perform(state.handle(event, in: area))
    take(workbench.receive())
    perform(state.newDemands())
  }

  func key(_ keys: Key...) { for key in keys { handle(.key(key)) } }

  func type(_ text: String) { for character in text { key(.character(character)) } }

  /// Until nothing runs and nothing is lacking.
  func settle() {
    repeat {
      perform(state.newDemands())
      workbench.waitUntilIdle { take([$0]) }
      take([])
    } while !workbench.isIdle || !peek().isEmpty
  }

  private func peek() -> [Effect] {
    var copy = state
    return copy.newDemands()
  }

  private func take(_ events: [WorkbenchEvent]) {
    state.fold(events, tree: workbench.tree, jobs: workbench.jobs)
  }

  /// Passes are capped, so that a long random walk stays short.
  func perform(_ effects: [Effect]) {
    for effect in effects {
      switch effect {
      case .run(let step, let id):
        passes += 1
        if passes <= 5 { _ = workbench.run(step, on: id) }
      case .preview(let step, let id, let layer):
        state.sheet?.ticket = workbench.preview(step, on: id, layer: layer)
      case .cancelPreview: workbench.cancelPreview()
      case .undo: _ = workbench.undo()
      case .redo: _ = workbench.redo()
      case .go(let id): try? workbench.go(to: id)
      case .delete(let id): try? workbench.deleteLeaf(id)
      case .measure(let id): workbench.measure(id)
      case .cancelJob(let id): workbench.cancel(id)
      case .pauseJob(let id, _): workbench.setPaused(id, false)
      case .retryJob(let id): _ = workbench.retry(id)
      case .requestLayer(let name, let id): workbench.requestLayer(name, of: id)
      case .requestSpectrum(let name, let id): workbench.requestSpectrum(name, of: id)
      case .requestCodes(let name, let id): workbench.requestCodes(name, of: id)
      case .requestSensitivity(let id): workbench.requestSensitivity(of: id)
      case .requestRouters(let id): workbench.requestRouters(of: id)
      case .requestFigures(let id, let visible):
        workbench.requestBlockFigures(of: id, visible: visible)
      case .sample(let ids, let prompt, let seed):
        workbench.sample(ids, prompt: prompt, seed: seed, count: 20, temperature: 1)
      case .stopSampling: workbench.stopSampling()
      case .train(let request): _ = try? workbench.train(request)
      case .steerTraining(let change): workbench.steer(change)
      case .readTrainingLog(let id): workbench.requestTrainingLog(of: id)
      case .resumeTraining: _ = try? workbench.resumeTraining()
      case .stand(let path): try? workbench.stand(beside: path)
      case .setMouse(let isOn): state.isMouseOn = isOn
      case .copy, .reach, .save, .writeRecipe, .runRecipe, .export, .suspend, .quit: break
      }
    }
  }
}

extension Desk {
  /// A pass as it is by default, on all layers.
  func step(_ name: String) -> Step {
    let type = PassCatalog.all.first { $0.name == name } ?? Prune.self
    return Step(pass: type.init())
  }
}
