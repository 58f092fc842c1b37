extension Network {
  /// Bytes of memory that the weights which were read so far keep; those of a mapped file are
  /// not among them.
  package var keptByteCount: Int { weights.keptByteCount }
}
