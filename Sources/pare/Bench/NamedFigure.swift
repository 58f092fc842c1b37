internal import Backend
internal import Tensors

/// A figure as `pare bench` tells it: its name says its unit.
struct NamedFigure {
  let name: String
  let value: JSON
  let text: String

  init(_ name: String, _ value: Double?) {
    self.name = name
    self.value = .number(value)
    text = Figure.short(value)
  }

  init(_ name: String, _ text: String?) {
    self.name = name
    value = .string(text)
    self.text = text ?? Figure.short(nil)
  }
}

extension MemoryFigures {
  var named: [NamedFigure] {
    [
      NamedFigure("memory_read_1_thread_gb_per_s", oneThreadGBps),
      NamedFigure("memory_read_gb_per_s", allThreadsGBps),
    ]
  }
}

extension ProductFigures {
  var named: [NamedFigure] {
    [("f32", f32), ("bf16", bf16)].flatMap { name, rate in
      [
        NamedFigure("peak_\(name)_gflops", rate.peak),
        NamedFigure("peak_\(name)_unit", rate.unit?.rawValue),
        NamedFigure("products_\(name)_gflops", rate.gigaflops),
        NamedFigure("products_\(name)_share_of_peak", rate.share),
      ]
    }
  }
}

extension WeightKernelFigures {
  var named: [NamedFigure] {
    [
      NamedFigure("summary_f32_gb_per_s", summaryF32GBps),
      NamedFigure("summary_bf16_gb_per_s", summaryBF16GBps),
      NamedFigure("summary_and_mask_f32_gb_per_s", summaryMaskF32GBps),
      NamedFigure("summary_and_mask_f32_share_of_memory", summaryMaskF32Share),
      NamedFigure("summary_and_mask_bf16_gb_per_s", summaryMaskBF16GBps),
      NamedFigure("summary_and_mask_bf16_share_of_memory", summaryMaskBF16Share),
      NamedFigure("summary_mask_histogram_f32_gb_per_s", summaryHistogramF32GBps),
      NamedFigure(
        "summary_mask_histogram_f32_share_of_memory", summaryHistogramF32GBps / memoryReadGBps),
      NamedFigure("summary_mask_histogram_bf16_gb_per_s", summaryHistogramBF16GBps),
      NamedFigure(
        "summary_mask_histogram_bf16_share_of_memory", summaryHistogramBF16GBps / memoryReadGBps),
      NamedFigure("f32_to_bf16_gb_per_s", narrowBF16GBps),
      NamedFigure("statistics_500mb_seconds", statisticsOf500MBSeconds),
      NamedFigure("prune_100m_seconds", pruneSeconds),
      NamedFigure("prune_100m_mask_only_seconds", pruneMaskSeconds),
      NamedFigure(
        "prune_100m_times_reading", pruneSeconds * memoryReadGBps * 1e9 / (4 * Double(pruneCount))),
    ]
  }
}

extension BlockKernelFigures {
  var named: [NamedFigure] {
    let name = format.rawValue.lowercased()
    return [
      NamedFigure("dequantize_\(name)_gb_per_s", dequantizeGBps),
      NamedFigure("quantize_\(name)_gb_per_s", quantizeGBps),
    ]
  }
}

extension NetworkFigures {
  var named: [NamedFigure] {
    [
      NamedFigure("evaluation_f32_tokens_per_second", evaluation),
      NamedFigure("evaluation_bf16_tokens_per_second", evaluationBF16),
      NamedFigure("generation_tokens_per_second", generation),
    ]
  }
}

extension TrainingFigures {
  var named: [NamedFigure] {
    [
      NamedFigure("training_tokens_per_second", plain),
      NamedFigure("compressing_tokens_per_second", compressing),
      NamedFigure("compressed_70_tokens_per_second", compressed),
      NamedFigure("training_resident_mb", memory / 1e6),
    ]
  }
}

extension ExplorerFigures {
  var named: [NamedFigure] {
    [
      NamedFigure("frame_200x60_milliseconds", frameSeconds * 1000),
      NamedFigure("key_to_frame_median_milliseconds", keySeconds.median * 1000),
      NamedFigure("key_to_frame_p99_milliseconds", keySeconds.percentile99 * 1000),
    ]
  }
}

extension ModelFigures {
  var named: [NamedFigure] {
    [
      NamedFigure("prompt_\(name)_tokens_per_second", prompt),
      NamedFigure("generation_\(name)_tokens_per_second", generation),
      NamedFigure("bytes_per_token_\(name)", Double(bytesPerToken)),
      NamedFigure("block_weights_\(name)", Double(blockWeights)),
      NamedFigure("head_weights_\(name)", Double(headWeights)),
    ]
      + evaluation.map { window, rate in
        NamedFigure("evaluation_\(window)_\(name)_tokens_per_second", rate)
      }
  }
}

extension OpeningFigures {
  var named: [NamedFigure] {
    [
      NamedFigure("open_\(name)_seconds", seconds),
      NamedFigure("open_\(name)_model_seconds", modelSeconds),
    ]
  }
}

extension TokenizerFigures {
  var named: [NamedFigure] {
    [
      NamedFigure("encode_\(name)_mb_per_s", speed),
      NamedFigure("encode_\(name)_tokens", Double(tokens)),
    ]
  }
}
