// Written by Benchmarks/tokenizers_agree.py --reference.
extension Reference {
  static let spmRules = Reference(
    name: "spm-rules", kind: .sentencePiece,
    tokenizer: ###"""
      Cg4KBTx1bms+FQAAAAAYAgoMCgM8cz4VAAAAABgDCg0KBDwvcz4VAAAAABgDCgoKA+KWgRU+Yg3ACggKAScVS29/wA\###
      oICgE9Feowh8AKDAoF4paBaWYVEf2JwAoICgFuFdh0jcAKCAoBdBWwVY7ACggKAW8Vc8uXwAoMCgXiloFpdBV1CpnA\###
      CgwKBeKWgWRvFUBomsAKCAoBXxWa7prACggKAWIVe3SbwAoICgEoFZsynMAKCAoBOhX5YZzACgkKAnVyFVZinMAKCA\###
      oBKRWCwZzACggKAV0VsvGcwAoLCgTiloF4FfltncAKDAoF4paBZm8VwbCdwAoJCgJhchXatJ3ACgwKBeKWgXJlFSz1\###
      ncAKCAoBLhXYLqHACg0KBuKWgW1heRXJjqXACg0KBuKWgWRheRXKTqbACg0KBuKWgXNlZRXxTqbACg4KB+KWgXdoYX\###
      QVyo+mwAoPCgjiloF3b3VsZBXMj6bACg4KB+KWgXRoYXQVWpCmwAoNCgbiloFoYXMVTtGmwAoMCgXiloFvchVW/abA\###
      Cg4KB+KWgXdpdGgVYBOnwAoQCgniloFudW1iZXIV2xOnwAoICgEzFXM/p8AKDwoI4paBc291bmQVEFanwAoNCgbilo\###
      FvdXQVOVenwAoOCgfiloF5b3VyFSOZp8AKDgoH4paBa25vdxXT3KfAChAKCeKWgXBlb3BsZRXV3KfACg4KB+KWgW1h\###
      bnkV3tynwAoMCgXiloFubxWe66fACg0KBuKWgXdobxUWIajACg0KBuKWgXVzZRUcIajACg4KB+KWgXNhaWQVLiGowA\###
      oNCgbiloFvbmUVCCaowAoMCgXiloFvZhXkZqjACg8KCOKWgXRoZXNlFaFnqMAKDAoF4paBdXAVaKuowAoOCgfiloFt\###
      YWtlFWLxqMAKDwoI4paBd2hpY2gVYvGowAoPCgjiloF0aGVpchVs8ajACg4KB+KWgXNvbWUVtPGowAoOCgfiloFlYW\###
      NoFQQ4qcAKDwoI4paBdGhpbmcVxDipwAoNCgbiloFhcmUV/TipwAoNCgbiloFjYW4VOX+pwAoNCgbiloFob3QVOn+p\###
      wAoOCgfiloFoYXZlFTx/qcAKDQoG4paBZGlkFUF/qcAKDgoH4paBdGltZRW8f6nACggKAXMVybapwAoOCgfiloF3b3\###
      JkFRXHqcAKDgoH4paBY29tZRUZx6nACgwKBeKWgW15FWDHqcAKCAoBMRUi5qnACg4KB+KWgXRoaXMVlA+qwAoOCgfi\###
      loFsb25nFZYPqsAKDQoG4paBc2hlFc0PqsAKDAoF4paBYmUVjhCqwAoOCgfiloFsaWtlFb5YqsAKDgoH4paBd2VyZR\###
      XKXqrACgwKBeKWgWFuFRCdqsAKDwoI4paBYWJvdXQViaKqwAoMCgXiloF0bxWQtarACg8KCOKWgXdyaXRlFQHtqsAK\###
      DgoH4paBZnJvbRUF7arACg0KBuKWgW5vdxV0/qrACg8KCOKWgXdhdGVyFQaEq8AKDwoI4paBZmlyc3QVB4SrwAoNCg\###
      biloFidXQVR4WrwAoMCgXiloFieRXLhqvACg4KB+KWgW1vc3QVkdCrwAoOCgfiloFiZWVuFQHRq8AKDAoF4paBc28V\###
      9NirwAoNCgbiloFob3cV2R2swAoNCgbiloF3YXkV3h2swAoMCgXiloFpcxU3HqzACg8KCOKWgW90aGVyFVYerMAKDA\###
      oF4paBZ28V7h6swAoOCgfiloF3aGVuFeJrrMAKDgoH4paBZmluZBXma6zACgwKBeKWgWFzFSZsrMAKDQoG4paBdHdv\###
      FVJsrMAKDQoG4paBaGlzFaO6rMAKDgoH4paBbW9yZRWjuqzACg0KBuKWgWhlchWruqzACgkKAmxsFcG6rMAKDgoH4p\###
      aBdGhleRW0yazACggKATIVKuGswAoOCgfiloF3aWxsFSwKrcAKDgoH4paBbG9vaxUwCq3ACg8KCOKWgWNvdWxkFTIK\###
      rcAKDAoF4paBaW4VFAutwAoOCgfiloF0aGVuFXkcrcAKDgoH4paBdGhhbhV8Wq3ACg0KBuKWgXRoZRUDeq3ACg4KB+\###
      KWgW92ZXIVg/2twAoNCgbiloF3YXMVg/2twAoOCgfiloFzaWRlFeb9rcAKDQoG4paBaGFkFUNQrsAKDgoH4paBZG93\###
      bhXvo67ACgwKBeKWgW9uFfyzrsAKDgoH4paBY2FsbBVO+K7ACg8KCOKWgXRoZXJlFTQAr8AKCAoBNBUOLq/ACg0KBu\###
      KWgWhpbRWkTa/ACgwKBeKWgWF0FV5Or8AKCAoBNxXqb6/ACggKATUV/HuvwAoNCgbiloFhbmQVCKuvwAoOCgfiloF0\###
      aGVtFW6rr8AKDQoG4paBZm9yFWgEsMAKCAoBNhVISbDACgkKAndlFXBPsMAKCAoBPxUbU7DACggKATgVNiSxwAoNCg\###
      biloFhbGwVfmGxwAoICgEwFbmyssAKCAoBLBUfOLPACgwKBeKWgXdlFTUotcAKCQoCLi4VTMa1wAoICgENFdOHuMAK\###
      CAoBIRWckLjACggKATkVg1u5wAoKCgPgpY0VbhnAwAoKCgPguLEVeBDDwAoKCgPigI0VGrHDwAoKCgPhhbMV71TEwA\###
      oKCgPhhqsVWQvHwAoKCgPhhq8VNr3HwAoKCgPri6QVZHfIwAoKCgPhhaEVZnfIwAoICgF5Ff6ByMAKCQoCzIEV6jXJ\###
      wAoJCgLMpxX3+MnACgsKBOKWgVcV2pDKwAoKCgPhhIAVwsDKwAoKCgPvvbYVw8DKwAoJCgLMgBWQjcvACgoKA+KDnR\###
      WdX8zACgsKBOKWgUEVBgjOwAoJCgLMiBWbFM7ACgoKA+C4qhUm+M7ACgoKA+OCqxUz4s/ACgoKA++7vxU24s/ACgsK\###
      BOKWgVMVhwjQwAoKCgPhhJIVKtPQwAoJCgLMoxVly9HACgsKBPCdk5EVZsvRwAoLCgTwnZ+ZFWfL0cAKCwoE8J2SnB\###
      Vly9LACgsKBPCggIAVp9PTwAoKCgPqsIAVqdPTwAoKCgPvv70VtuTUwAoJCgLYsRW45NTACgsKBPCfkakVuuTUwAoL\###
      CgTiloFCFU+l1cAKCgoD4LiaFTL/1cAKCgoD6rWtFTT/1cAKDQoG4paBVGhlFZcQ1sAKCgoD6KqeFSxT2MAKCgoD4o\###
      CMFS1T2MAKCQoC2KcVL1PYwAoKCgPtlZwVL1PYwAoLCgTiloFUFTRt2MAKCQoC2KgVQY7ZwAoLCgTwn4epFUOO2cAK\###
      CwoE8KCutxVDjtnACgsKBPCQkKgVRY7ZwAoKCgPigKgVBtHawAoKCgPigIMV7tXawAoKCgPrp5AV79XawAoLCgTwnZ\###
      +YFfHV2sAKCgoD4KSkFfLV2sAKCgoD4LiiFfLV2sAKCgoD4KSoFfPV2sAKCQoCWzgVQezawAoICgFLFUQr3MAKCwoE\###
      8JCQgBVIK9zACgoKA+udvBVwj93ACgoKA+yWtBVyj93ACgoKA+uCmBV0j93ACggKAQcVdY/dwAoLCgTiloFPFQ0i3s\###
      AKCwoE4paBTRVRk97ACgkKAsKtFaHm3sAKCgoD7ZWYFc0D38AKCQoCcmUVztnfwAoKCgPjg7wV6IngwAoKCgPsnYQV\###
      6IngwAoJCgJbMRVIq+DACggKAVMVKODhwAoICgFtFX/84cAKCgoD4oWrFX8j4sAKCQoCwoUVgCPiwAoJCgLDrhWAI+\###
      LACgoKA+++hRWBI+LACgkKAtmKFYIj4sAKCgoD4p2kFYIj4sAKCgoD76yCFYIj4sAKCQoC2aAVgyPiwAoJCgJ1dBXl\###
      U+LACgkKAls5FT+Z4sAKCAoBfxWNvOPACgoKA+++gBWn0uPACgkKAsOcFajS48AKCgoD4LijFanS48AKCgoD44GyFa\###
      3S48AKCQoCWzcVCzzkwAoJCgLDpRXEmeXACgkKAtmFFcWZ5cAKCQoCWzQVHrvlwAoJCgJbMxWVxOXACgsKBOKWgUYV\###
      eKfmwAoICgFlFXjI5sAKCAoBZBWF2ebACggKAVsV0mXnwAoJCgLRghWie+fACgoKA+KAphWke+fACggKAUUVp3vnwA\###
      oKCgPguJQVqHvnwAoKCgPjg4oVqHvnwAoJCgLCvxWpe+fACgoKA+KAmBWqe+fACgkKAsOfFat758AKCQoCWzIVpqHn\###
      wAoLCgTiloFMFaQc6cAKCAoBThUjc+nACgkKAti5FaR76cAKCQoCw6YVpXvpwAoJCgLCuxWne+nACgkKAtCwFad76c\###
      AKCgoD4oKsFad76cAKCgoD6KiAFad76cAKCQoC2aIVqHvpwAoKCgPkuK0VqHvpwAoJCgLQtxWqe+nACggKAXIVqwDr\###
      wAoICgFnFcWH68AKCAoBZhXbievACgkKAsOVFcSd68AKCQoCw6kVxp3rwAoKCgPigJQVxp3rwAoJCgLFvxXInevACg\###
      kKAs6TFcid68AKCQoC0JEVyZ3rwAoKCgPmvKIVyp3rwAoKCgPguIQVy53rwAoJCgLQthXMnevACgkKAtitFcyd68AK\###
      CgoD4LinFcyd68AKCgoD44KJFcyd68AKCgoD4oCdFdCd68AKCAoBVBUwoOzACgkKAtC8Ferm7cAKCgoD44GqFerm7c\###
      AKCAoBcRXs5u3ACgkKAsOOFezm7cAKCgoD4oCcFezm7cAKCQoCwqsV7ubtwAoJCgLZoRXu5u3ACgoKA+WeixXv5u3A\###
      CgsKBPCfmIIV7+btwAoKCgPgpYcV8ObtwAoKCgPigLAV8ObtwAoLCgTwn5iAFfDm7cAKCQoC0LsV8ebtwAoJCgLDoB\###
      Xy5u3ACgoKA+KAmRX05u3ACgkKAls2FfsQ7sAKCQoCWzUVHBLuwAoICgF1FUH078AKCAoBcBWAXPDACgsKBOKWgUkV\###
      KYfxwAoKCgPihJYVSv3ywAoLCgTiloFZFXVN9MAKCAoBRBUuePXACgwKBeKWgVdhFSml9cAKCAoBbBVq6PXACgsKBG\###
      91bGQV6+/1wAoMCgXiloFPbhU21PbACgwKBeKWgVdpFbMg+cAKDAoF4paBSGkV6yX5wAoJCgJmaRVeKPnACgkKAjY4\###
      Fe8y+8AKCAoBdxUF3vvACggKAWkVbmz8wAoKCgNvbWUVU638wAoMCgXiloFIYRU6rvzACggKAWsVJbH8wAoKCgNpZG\###
      UVjLH8wAoMCgXiloFDYRWytPzACgsKBGhpbmcVzL38wAoICgFVFUnC/MAKDAoF4paBV2UVPNH8wAoICgFDFQHS/MAK\###
      CAoBQRUV6PzACggKAU0V+fr8wAoMCgXiloFEYRV7Qv7ACgoKA2FueRWnWADBCggKAUcVm64AwQoICgFMFc+8AMEKCg\###
      oDaGF0FamcAcEKCAoBYRWfeALBCggKAWgV5okCwQoLCgR0aGVyFd6dAsEKCwoEYXRlchXyoQLBCgkKAm5kFZ0uA8EK\###
      DAoF4paBTW8VADADwQoICgFPFaxrA8EKCAoBQhXgbQPBCggKAVcVsnMDwQoICgF2FXFIBcEKCAoBYxViTAXBCggKAU\###
      gV0IQGwQoICgFGFbebBsEKCAoBeBXPpwbBCggKAVkV95QKwQoICgFJFauWCsESAhgBGpQIEpEIAAQAAAAgAAAJCQAA\###
      CgUAAAEAAIDMAAIAgQ0AAAoAAICgEQAAtgUAAAAAAICAKAIAiwkAAKAFAAADAACAgAQCAIAxAACBBQAABwAAgKEFAA\###
      AFAACAFQAAABQAAAAXAAAAFgAAABkAAAAYAAAAGwAAAJHcAgAdAAAAHAAAAB8AAAAeAAAArMQCACAAAAAjAAAAIgAA\###
      ACUAAAAkAAAAJwAAACYAAAApAAAAKAAAACsAAAAqAAAALQAAACwAAAAvAAAALgAAALwMAgAwAAAAMwAAADIAAAA1AA\###
      AANAAAADcAAAA2AAAAOQAAADgAAAA7AAAAOgAAAD0AAAA8AAAAPwAAAD4AAABBAAAAQAAAAEMAAABCAAAARQAAAEQA\###
      AABHAAAARgAAAEkAAABIAAAASwAAAEoAAABNAAAATAAAAE8AAABOAAAAUQAAAFAAAABTAAAAUgAAAFUAAABUAAAAVw\###
      AAAFYAAABZAAAAWAAAAFsAAABaAAAAXQAAAFwAAABfAAAAXgAAAGEAAABgAAAAYwAAAGIAAABlAAAAZAAAAGcAAABm\###
      AAAAaQAAAGgAAABrAAAAagAAAG0AAABllAIAbwAAAG4AAABxAAAAcAAAAHMAAAByAAAAdQAAAHQAAAB3AAAAdgAAAH\###
      kAAAB4AAAAewAAAHoAAAB9AAAAfAAAAH8AAAB+AAAAgQAAAIAAAACDAAAAggAAAIUAAACEAAAAhwAAAIYAAACJAAAA\###
      iAAAAIsAAACKAAAAjQAAAIwAAACPAAAAjgAAAJEAAACQAAAAkwAAAJIAAACVAAAAlAAAAJcAAACWAAAAmQAAAJgAAA\###
      CbAAAAmgAAAJ0AAACcAAAAnwAAAJ4AAAChAAAAoAAAAKMAAACiAAAApQAAAKQAAACnAAAApgAAAKkAAACoAAAAqwAA\###
      AKoAAACtAAAArAAAAK8AAACuAAAAsQAAALAAAACzAAAAsgAAALUAAAC0AAAAtwAAALYAAAC5AAAAuAAAALsAAAC6AA\###
      AAvQAAALwAAAC/AAAAvgAAAMEAAADAAAAAwwAAAMIAAADFAAAAxAAAAMcAAADGAAAAyQAAAMgAAADCtAEAygAAAM0A\###
      AADMAAAAzwAAAMfEAQDRAAAA0AAAANMAAADSAAAA1QAAANQAAADXAAAA1gAAANkAAADYAAAA2wAAANoAAADdAAAA3A\###
      AAAN8AAADeAAAA4QAAAOAAAADjAAAA4gAAAOUAAADkAAAA5wAAAO+sAQDpAAAA6AAAAOKAAQDjlAEA7QAAAOwAAADv\###
      AAAA7gAAAPEAAADwAAAA8wAAAPIAAAD1AAAA9AAAAPcAAAD2AAAA+QAAAPgAAAD7AAAA+gAAAP0AAAD8AAAA/wAAAP\###
      4AAAAAIAAxAEEAZmkAw6kA
      """###,
    cases: ###"""
      [{"text": "", "ids": []}, {"text": " ", "ids": []}, {"text": "\n", "ids": []}, {"text": " \###
       ", "ids": []}, {"text": "a", "ids": [3, 314]}, {"text": " a", "ids": [3, 314]}, {"text": \###
      "a ", "ids": [3, 314]}, {"text": "\u20ac\u2019\u00a5\u00bf\u2014\ud83c\udde9\u200d\ud83e\u\###
      dd16       \u6a21\u6a21\u6771\u6587\u96fb\u8a9e\u5b57\u4e2d\ub098\uad6d\u0939\u0938\u094d\\###
      u093f\u0928\u0924\u0930\u0947", "ids": [3, 243, 279, 0, 233, 253, 177, 137, 0, 3, 0, 171, \###
      0, 246, 192, 169, 0, 135, 0, 186, 184, 0, 274]}, {"text": "\u0323\u0300\u0323\u0323\u0327\\###
      u0323\u0301\u0327camelCaseWORDSkjxygltb\ufffd\u200c\ufeff\u00ad832\u1173\u1100\u1112\u1100\###
      \u0e35\u0e22\u0e27\u0e31\u0e27\u0e31\u0e22\u0e31don't'''''''''''''''''''''''''''''    \ud8\###
      35\udcd1\ud835\udfd9\ud801\udc00!=-:~&", "ids": [3, 158, 149, 158, 158, 145, 158, 144, 145\###
      , 324, 314, 203, 225, 289, 306, 314, 61, 225, 322, 320, 0, 287, 202, 300, 0, 327, 143, 249\###
      , 289, 8, 13, 164, 172, 155, 196, 126, 34, 99, 138, 147, 157, 147, 0, 185, 261, 136, 261, \###
      136, 185, 136, 226, 9, 7, 4, 8, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4\###
      , 4, 4, 4, 4, 4, 4, 4, 4, 4, 3, 159, 160, 189, 133, 5, 0, 15, 0]}, {"text": "    ", "ids":\###
       []}, {"text": "\u5b57\u5b57\u064a\u0663\u0639\u0627\u0631\u0644\u0631\u0628\u0432\u0410\u\###
      043d\u0433\u0436\u0433'Ttoken\u0438\u043a\u0434\u0413\u0433\u0437\u0438\u0439\u00a0\r \u03\###
      b5\u03bf\u0391\u03b8", "ids": [3, 0, 208, 0, 239, 173, 165, 0, 165, 176, 0, 259, 0, 4, 264\###
      , 8, 9, 300, 225, 7, 0, 247, 0, 3, 132, 3, 0]}, {"text": "<|end|>\u1112\u1100\u1112\u1173\\###
      u1112\u1161\u1100for i in range(10):\n        x\u0301\u0327\u0308\u0301\u0300Hello\u201d\u\###
      00a1\u2019\u00a1\u2013_($;.@\">\u11ab\u1161 the\n\n\n\n        ", "ids": [3, 0, 225, 318, \###
      0, 157, 147, 157, 138, 157, 142, 147, 250, 9, 248, 3, 297, 103, 3, 248, 314, 7, 249, 225, \###
      14, 65, 128, 17, 15, 19, 144, 145, 152, 144, 149, 325, 225, 97, 9, 263, 0, 279, 0, 12, 14,\###
       0, 23, 0, 139, 142, 106]}, {"text": " 3.14 \r\u5de5\u667a\u578b\u578b\u6771\u65e5 \u3000\\###
      n\u2028 \t\t<s>", "ids": [3, 34, 23, 65, 115, 3, 132, 0, 272, 272, 0, 3, 180, 3, 0, 61, 0]\###
      }, {"text": "don't!_:)>_(\u0e23\u0e1a\u0e14<|end|>\u0308\u0300\u0327KAVBCBOGaaa\u0327world\###
      '''''''''' \u578b\u672c\u65e5\u672c", "ids": [11, 7, 4, 8, 133, 12, 15, 17, 0, 12, 14, 217\###
      , 168, 231, 0, 225, 318, 0, 152, 149, 145, 188, 307, 0, 321, 306, 321, 320, 311, 314, 314,\###
       314, 145, 296, 9, 248, 289, 226, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 3, 272, 0]}, {"text": "\u0\###
      3b8\u03c0\u094d\u03bf\u03b4\u0391\u03b7[UNK]\t\t\u0308aaaaaaaaaaaaaaaaaaaaaaaaaa", "ids": \###
      [3, 0, 135, 0, 227, 304, 238, 188, 18, 3, 152, 314, 314, 314, 314, 314, 314, 314, 314, 314\###
      , 314, 314, 314, 314, 314, 314, 314, 314, 314, 314, 314, 314, 314, 314, 314, 314, 314]}, {\###
      "text": "\r$[\\\uad6d\uac00\ub9d0\uac00\ud558\ub2e4\r\n\n\u20ac\u2019\u00bf\u20ac\u2013\u2\###
      030\u2013\u2026\u03c3\u03c4\u03bf\u03b5\u03bd\u03c1\u03c1\u0393kqhwyl\u03b6\u03b3\u03bf\n\\###
      n\n\n\u00ab\u201c", "ids": [3, 132, 0, 227, 0, 169, 163, 182, 163, 197, 141, 132, 3, 243, \###
      279, 233, 243, 0, 275, 0, 229, 0, 255, 300, 267, 315, 296, 143, 289, 0, 3, 270, 269]}, {"t\###
      ext": "  \ud801\udc00\ud835\udc9c\ud835\udc9c\ud835\udc9c\ud835\udfd9\ud842\udfb7LZJS\u00c\###
      5             \ud835\udfd9\ud840\udc00O", "ids": [3, 189, 161, 161, 161, 160, 178, 312, 0,\###
       202, 0, 3, 160, 162, 320]}, {"text": "43554\u8a9e\u4eba\u80fd\u5de5\u8a00\u5b57\u00e5\u00\###
      ce\u00fc\u00f8\u00e6\u0300\u20dd the>=\\~#/'+\u0e44\u0e23\u0e17\u0e04\u0e35\u0e31\r\n}^?%\\###
      \$[for i in range(10):\n        x\u0e31\u0e31\u0e44\u0e1a\u0e1a\u0e04\u0e1a", "ids": [3, 1\###
      15, 34, 119, 119, 115, 171, 0, 244, 0, 220, 268, 0, 240, 149, 150, 106, 0, 5, 0, 4, 0, 217\###
      , 0, 258, 0, 136, 132, 3, 0, 125, 0, 227, 250, 9, 248, 3, 297, 103, 3, 248, 314, 7, 249, 2\###
      25, 14, 65, 128, 17, 15, 19, 136, 136, 0, 168, 168, 258, 168]}, {"text": "WEMMO\u0120\ub77\###
      c\ub098", "ids": [146, 230, 308, 308, 320, 0, 190, 192]}, {"text": "\u03a3\u0631\u064a\u06\###
      28\r\nthe\ud801\udc00\ud801\udc00\ud835\udcd1\ud840\udc00\ud801\udc00\ud835\udcd1\u010a\t\\###
      u3000\u3000\u200b\uac00\ud801\udc00\u01c5\ud835\udc9c\ud840\udc00\ud801\udc28\ud835\udfd8\\###
      ud842\udfb7\ud801\udc28\ud840\udc00\ud842\udfb7", "ids": [3, 0, 165, 208, 176, 132, 106, 1\###
      89, 189, 159, 162, 189, 159, 0, 3, 163, 189, 0, 161, 162, 179, 183, 178, 179, 162, 178]}, \###
      {"text": "\u03b1\u03b6\u03c0\u200d\u200c\u200d\u062d\u0639\u0631\u0628\u0627\u0660\u0644))\###
      ?\u2581\u2581'Re[UNK]\ue4b5\u00c5\u22cf     Hello", "ids": [3, 0, 137, 172, 137, 260, 239,\###
       165, 176, 173, 211, 0, 17, 17, 125, 3, 3, 4, 0, 225, 227, 304, 238, 188, 18, 0, 3, 325, 2\###
      25, 97, 9]}, {"text": "\u216b      \t\t\ncamelCaseWORDS\u3000\uc5b4\uc5b44981\u091c\u0928\\###
      u0940\u0926\u0938\u0937\u092e\u0915", "ids": [3, 204, 3, 324, 314, 203, 225, 289, 306, 314\###
      , 61, 225, 322, 320, 0, 287, 202, 3, 191, 191, 115, 134, 126, 65, 0, 186, 0]}, {"text": " \###
       \u2462\ufb02\u017f\u2462[UNK]\u0412\u043c\u0434\u0432\u0433\u0414\u0442HCWCJK\u20dd\u0323\###
      \u20dd\u0300\u0308\u20dd</s>'\u017f\n\n\n\n\u2003\r\t\u00a0\u00df\u00df\u00f8", "ids": [3,\###
       0, 210, 254, 0, 227, 304, 238, 188, 18, 0, 265, 0, 228, 325, 306, 322, 306, 0, 188, 150, \###
      158, 150, 149, 152, 150, 0, 61, 0, 4, 254, 3, 181, 132, 3, 235, 235, 0]}]
      """###)
}
