// Written by Benchmarks/tokenizers_agree.py --reference.
extension Reference {
  static let unknown = Reference(
    name: "unknown", kind: .json,
    tokenizer: ###"""
      {"version":"1.0","truncation":null,"padding":null,"added_tokens":[{"id":0,"content":"<unk>\###
      ","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},{"i\###
      d":1,"content":"<s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,\###
      "special":true},{"id":2,"content":"</s>","single_word":false,"lstrip":false,"rstrip":false\###
      ,"normalized":false,"special":true},{"id":330,"content":"camelCase","single_word":false,"l\###
      strip":false,"rstrip":false,"normalized":true,"special":false},{"id":331,"content":"snake"\###
      ,"single_word":true,"lstrip":false,"rstrip":false,"normalized":false,"special":false},{"id\###
      ":332,"content":"<|im_start|>","single_word":false,"lstrip":true,"rstrip":true,"normalized\###
      ":false,"special":true}],"normalizer":null,"pre_tokenizer":{"type":"Whitespace"},"post_pro\###
      cessor":null,"decoder":{"type":"Fuse"},"model":{"type":"BPE","dropout":null,"unk_token":"<\###
      unk>","continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":true,"byte_fal\###
      lback":false,"ignore_merges":false,"vocab":{"<unk>":0,"<s>":1,"</s>":2,"!":3,"'":4,"(":5,"\###
      )":6,",":7,".":8,"0":9,"1":10,"2":11,"3":12,"4":13,"5":14,"6":15,"7":16,"8":17,"9":18,":":\###
      19,"=":20,"?":21,"A":22,"B":23,"D":24,"H":25,"M":26,"O":27,"S":28,"T":29,"W":30,"[":31,"]"\###
      :32,"_":33,"a":34,"b":35,"c":36,"d":37,"e":38,"f":39,"g":40,"h":41,"i":42,"k":43,"l":44,"m\###
      ":45,"n":46,"o":47,"p":48,"r":49,"s":50,"t":51,"u":52,"v":53,"w":54,"x":55,"y":56,"\u0300"\###
      :57,"\u0301":58,"\u0308":59,"\u0323":60,"\u0327":61,"\u094d":62,"\u0e2a":63,"\u0e31":64,"\\###
      u1100":65,"\u1112":66,"\u1161":67,"\u1173":68,"\u11ab":69,"\u11af":70,"\u200b":71,"\u200d"\###
      :72,"\u20dd":73,"\u30ab":74,"\uac00":75,"\ub2e4":76,"\ufeff":77,"\uff76":78,"\ud835\udc9c"\###
      :79,"\ud835\udcd1":80,"\ud835\udfd9":81,"\ud840\udc00":82,"th":83,"the":84,"ou":85,"re":86\###
      ,"an":87,"ha":88,"er":89,"ow":90,"on":91,"ll":92,"ay":93,"se":94,"me":95,"id":96,"wh":97,"\###
      or":98,"at":99,"in":100,"is":101,"if":102,"it":103,"we":104,"oo":105,"ch":106,"ld":107,"om\###
      e":108,"ould":109,"out":110,"ke":111,"now":112,"ir":113,"en":114,"wi":115,"st":116,"be":11\###
      7,"as":118,"mo":119,"all":120,"==":121,"])":122,"ar":123,"bar":124,"foo":125,"rn":126,"tu"\###
      :127,"x_":128,"retu":129,"return":130,"..":131,"he":132,"hat":133,"nd":134,"ber":135,"may"\###
      :136,"mber":137,"umber":138,"our":139,"any":140,"ut":141,"day":142,"see":143,"would":144,"\###
      what":145,"that":146,"ound":147,"has":148,"ing":149,"eo":150,"le":151,"number":152,"ple":1\###
      53,"with":154,"eople":155,"aid":156,"ich":157,"sound":158,"your":159,"ach":160,"ime":161,"\###
      know":162,"many":163,"no":164,"people":165,"ake":166,"ho":167,"said":168,"use":169,"ve":17\###
      0,"one":171,"who":172,"of":173,"these":174,"ike":175,"up":176,"make":177,"some":178,"their\###
      ":179,"which":180,"are":181,"bout":182,"each":183,"ro":184,"thing":185,"ong":186,"can":187\###
      ,"did":188,"time":189,"have":190,"ord":191,"ater":192,"hot":193,"rom":194,"come":195,"my":\###
      196,"word":197,"long":198,"rit":199,"she":200,"this":201,"ther":202,"irst":203,"rite":204,\###
      "like":205,"were":206,"about":207,"to":208,"from":209,"wo":210,"write":211,"ide":212,"by":\###
      213,"but":214,"first":215,"his":216,"water":217,"ook":218,"so":219,"ind":220,"been":221,"m\###
      ost":222,"go":223,"how":224,"other":225,"way":226,"do":227,"find":228,"two":229,"when":230\###
      ,"her":231,"then":232,"they":233,"more":234,"could":235,"look":236,"will":237,"than":238,"\###
      im":239,"ov":240,"side":241,"was":242,"own":243,"over":244,"had":245,"down":246,"call":247\###
      ,"there":248,"him":249,"them":250,"and":251,"for":252,"don":253,"...":254,"x_3":255,"The":\###
      256,"x_2":257,"x_7":258,"x_1":259,"x_0":260,"Th":261,"x_4":262,"x_8":263,"Wi":264,"34":265\###
      ,"But":266,"x_5":267,"68":268,"71":269,"92":270,"x_6":271,"15":272,"84":273,"By":274,"On":\###
      275,"Wh":276,"42":277,"46":278,"91":279,"Be":280,"Will":281,"13":282,"36":283,"96":284,"Da\###
      y":285,"Ha":286,"Side":287,"We":288,"Thing":289,"18":290,"45":291,"Many":292,"Was":293,"23\###
      ":294,"43":295,"55":296,"57":297,"61":298,"73":299,"94":300,"Are":301,"All":302,"Mo":303,"\###
      Out":304,"Other":305,"Some":306,"What":307,"Water":308,"Them":309,"They":310,"20":311,"27"\###
      :312,"30":313,"37":314,"48":315,"56":316,"80":317,"85":318,"90":319,"And":320,"Do":321,"Di\###
      d":322,"My":323,"She":324,"Time":325,"Which":326,"Been":327,"17":328,"39":329},"merges":[[\###
      "t","h"],["th","e"],["o","u"],["r","e"],["a","n"],["h","a"],["e","r"],["o","w"],["o","n"],\###
      ["l","l"],["a","y"],["s","e"],["m","e"],["i","d"],["w","h"],["o","r"],["a","t"],["i","n"],\###
      ["i","s"],["i","f"],["i","t"],["w","e"],["o","o"],["c","h"],["l","d"],["o","me"],["ou","ld\###
      "],["ou","t"],["k","e"],["n","ow"],["i","r"],["e","n"],["w","i"],["s","t"],["b","e"],["a",\###
      "s"],["m","o"],["a","ll"],["=","="],["]",")"],["a","r"],["b","ar"],["f","oo"],["r","n"],["\###
      t","u"],["x","_"],["re","tu"],["retu","rn"],[".","."],["h","e"],["ha","t"],["n","d"],["b",\###
      "er"],["m","ay"],["m","ber"],["u","mber"],["ou","r"],["an","y"],["u","t"],["d","ay"],["se"\###
      ,"e"],["w","ould"],["w","hat"],["th","at"],["ou","nd"],["ha","s"],["in","g"],["e","o"],["l\###
      ","e"],["n","umber"],["p","le"],["wi","th"],["eo","ple"],["a","id"],["i","ch"],["s","ound"\###
      ],["y","our"],["a","ch"],["i","me"],["k","now"],["m","any"],["n","o"],["p","eople"],["a","\###
      ke"],["h","o"],["s","aid"],["u","se"],["v","e"],["on","e"],["wh","o"],["o","f"],["the","se\###
      "],["i","ke"],["u","p"],["m","ake"],["s","ome"],["the","ir"],["wh","ich"],["a","re"],["b",\###
      "out"],["e","ach"],["r","o"],["th","ing"],["on","g"],["c","an"],["d","id"],["t","ime"],["h\###
      a","ve"],["or","d"],["at","er"],["ho","t"],["ro","m"],["c","ome"],["m","y"],["w","ord"],["\###
      l","ong"],["r","it"],["s","he"],["th","is"],["the","r"],["ir","st"],["rit","e"],["l","ike"\###
      ],["we","re"],["a","bout"],["t","o"],["f","rom"],["w","o"],["w","rite"],["id","e"],["b","y\###
      "],["b","ut"],["f","irst"],["h","is"],["w","ater"],["oo","k"],["s","o"],["in","d"],["be","\###
      en"],["mo","st"],["g","o"],["h","ow"],["o","ther"],["w","ay"],["d","o"],["f","ind"],["t","\###
      wo"],["wh","en"],["h","er"],["the","n"],["the","y"],["mo","re"],["c","ould"],["l","ook"],[\###
      "wi","ll"],["th","an"],["i","m"],["o","v"],["s","ide"],["w","as"],["ow","n"],["ov","er"],[\###
      "ha","d"],["d","own"],["c","all"],["the","re"],["h","im"],["the","m"],["an","d"],["f","or"\###
      ],["d","on"],["..","."],["x_","3"],["T","he"],["x_","2"],["x_","7"],["x_","1"],["x_","0"],\###
      ["T","h"],["x_","4"],["x_","8"],["W","i"],["3","4"],["B","ut"],["x_","5"],["6","8"],["7","\###
      1"],["9","2"],["x_","6"],["1","5"],["8","4"],["B","y"],["O","n"],["W","h"],["4","2"],["4",\###
      "6"],["9","1"],["B","e"],["Wi","ll"],["1","3"],["3","6"],["9","6"],["D","ay"],["H","a"],["\###
      S","ide"],["W","e"],["Th","ing"],["1","8"],["4","5"],["M","any"],["W","as"],["2","3"],["4"\###
      ,"3"],["5","5"],["5","7"],["6","1"],["7","3"],["9","4"],["A","re"],["A","ll"],["M","o"],["\###
      O","ut"],["O","ther"],["S","ome"],["W","hat"],["W","ater"],["The","m"],["The","y"],["2","0\###
      "],["2","7"],["3","0"],["3","7"],["4","8"],["5","6"],["8","0"],["8","5"],["9","0"],["A","n\###
      d"],["D","o"],["D","id"],["M","y"],["S","he"],["T","ime"],["Wh","ich"],["Be","en"],["1","7\###
      "],["3","9"]]}}
      """###,
    cases: ###"""
      [{"text": "", "ids": [], "decoded": ""}, {"text": " ", "ids": [], "decoded": ""}, {"text":\###
       "\n", "ids": [], "decoded": ""}, {"text": "  ", "ids": [], "decoded": ""}, {"text": "a", \###
      "ids": [34], "decoded": "a"}, {"text": " a", "ids": [34], "decoded": "a"}, {"text": "a ", \###
      "ids": [34], "decoded": "a"}, {"text": "\u20ac\u2019\u00a5\u00bf\u2014\ud83c\udde9\u200d\u\###
      d83e\udd16       \u6a21\u6a21\u6771\u6587\u96fb\u8a9e\u5b57\u4e2d\ub098\uad6d\u0939\u0938\\###
      u094d\u093f\u0928\u0924\u0930\u0947", "ids": [0, 72, 0, 0, 62, 0], "decoded": "<unk>\u200d\###
      <unk><unk>\u094d<unk>"}, {"text": "\u0323\u0300\u0323\u0323\u0327\u0323\u0301\u0327camelCa\###
      seWORDSkjxygltb\ufffd\u200c\ufeff\u00ad832\u1173\u1100\u1112\u1100\u0e35\u0e22\u0e27\u0e31\###
      \u0e27\u0e31\u0e22\u0e31don't'''''''''''''''''''''''''''''    \ud835\udcd1\ud835\udfd9\ud8\###
      01\udc00!=-:~&", "ids": [60, 57, 60, 60, 61, 60, 58, 61, 330, 30, 27, 0, 24, 28, 43, 0, 55\###
      , 56, 40, 44, 51, 35, 0, 0, 77, 0, 17, 12, 11, 68, 65, 66, 65, 0, 64, 0, 64, 0, 64, 253, 4\###
      , 51, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, \###
      4, 80, 81, 0, 3, 20, 0, 19, 0], "decoded": "\u0323\u0300\u0323\u0323\u0327\u0323\u0301\u03\###
      27camelCaseWO<unk>DSk<unk>xygltb<unk><unk>\ufeff<unk>832\u1173\u1100\u1112\u1100<unk>\u0e3\###
      1<unk>\u0e31<unk>\u0e31don't'''''''''''''''''''''''''''''\ud835\udcd1\ud835\udfd9<unk>!=<u\###
      nk>:<unk>"}, {"text": "    ", "ids": [], "decoded": ""}, {"text": "\u5b57\u5b57\u064a\u066\###
      3\u0639\u0627\u0631\u0644\u0631\u0628\u0432\u0410\u043d\u0433\u0436\u0433'Ttoken\u0438\u04\###
      3a\u0434\u0413\u0433\u0437\u0438\u0439\u00a0\r \u03b5\u03bf\u0391\u03b8", "ids": [0, 4, 29\###
      , 208, 111, 46, 0, 0], "decoded": "<unk>'Ttoken<unk><unk>"}, {"text": "<|end|>\u1112\u1100\###
      \u1112\u1173\u1112\u1161\u1100for i in range(10):\n        x\u0301\u0327\u0308\u0301\u0300\###
      Hello\u201d\u00a1\u2019\u00a1\u2013_($;.@\">\u11ab\u1161 the\n\n\n\n        ", "ids": [0, \###
      114, 37, 0, 66, 65, 66, 68, 66, 67, 65, 252, 42, 100, 49, 87, 40, 38, 5, 10, 9, 6, 19, 55,\###
       58, 61, 59, 58, 57, 25, 38, 92, 47, 0, 33, 5, 0, 8, 0, 69, 67, 84], "decoded": "<unk>end<\###
      unk>\u1112\u1100\u1112\u1173\u1112\u1161\u1100foriinrange(10):x\u0301\u0327\u0308\u0301\u0\###
      300Hello<unk>_(<unk>.<unk>\u11ab\u1161the"}, {"text": " 3.14 \r\u5de5\u667a\u578b\u578b\u6\###
      771\u65e5 \u3000\n\u2028 \t\t<s>", "ids": [12, 8, 10, 13, 0, 1], "decoded": "3.14<unk><s>"\###
      }, {"text": "\u0300\u0300\u0300\u20dde\u0301token\u0392\u03bb\u03b6\u03bf\u0393\u03b9\u03b\###
      1\u0393\u0e44\u0e04\ufeff\u0000\u00ad\u0000\u00ad\u0007\u0000\u0000", "ids": [57, 57, 57, \###
      73, 38, 58, 208, 111, 46, 0, 77, 0], "decoded": "\u0300\u0300\u0300\u20dde\u0301token<unk>\###
      \ufeff<unk>"}, {"text": "don't!_:)>_(\u0e23\u0e1a\u0e14<|end|>\u0308\u0300\u0327KAVBCBOGaa\###
      a\u0327world'''''''''' \u578b\u672c\u65e5\u672c", "ids": [253, 4, 51, 3, 33, 19, 6, 0, 33,\###
       5, 0, 0, 114, 37, 0, 59, 57, 61, 0, 22, 0, 23, 0, 23, 27, 0, 34, 34, 34, 61, 54, 98, 107,\###
       4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 0], "decoded": "don't!_:)<unk>_(<unk><unk>end<unk>\u0308\u0\###
      300\u0327<unk>A<unk>B<unk>BO<unk>aaa\u0327world''''''''''<unk>"}, {"text": "\u03b8\u03c0\u\###
      094d\u03bf\u03b4\u0391\u03b7[UNK]\t\t\u0308aaaaaaaaaaaaaaaaaaaaaaaaaa", "ids": [0, 62, 0, \###
      31, 0, 32, 59, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34,\###
       34, 34, 34, 34, 34, 34, 34], "decoded": "<unk>\u094d<unk>[<unk>]\u0308aaaaaaaaaaaaaaaaaaa\###
      aaaaaaa"}, {"text": "\r$[\\\uad6d\uac00\ub9d0\uac00\ud558\ub2e4\r\n\n\u20ac\u2019\u00bf\u2\###
      0ac\u2013\u2030\u2013\u2026\u03c3\u03c4\u03bf\u03b5\u03bd\u03c1\u03c1\u0393kqhwyl\u03b6\u0\###
      3b3\u03bf\n\n\n\n\u00ab\u201c", "ids": [0, 31, 0, 0, 75, 0, 75, 0, 76, 0, 0, 43, 0, 41, 54\###
      , 56, 44, 0, 0], "decoded": "<unk>[<unk><unk>\uac00<unk>\uac00<unk>\ub2e4<unk><unk>k<unk>h\###
      wyl<unk><unk>"}, {"text": "  \ud801\udc00\ud835\udc9c\ud835\udc9c\ud835\udc9c\ud835\udfd9\\###
      ud842\udfb7LZJS\u00c5             \ud835\udfd9\ud840\udc00O", "ids": [0, 79, 79, 79, 81, 0\###
      , 28, 0, 81, 82, 27], "decoded": "<unk>\ud835\udc9c\ud835\udc9c\ud835\udc9c\ud835\udfd9<un\###
      k>S<unk>\ud835\udfd9\ud840\udc00O"}, {"text": "43554\u8a9e\u4eba\u80fd\u5de5\u8a00\u5b57\u\###
      00e5\u00ce\u00fc\u00f8\u00e6\u0300\u20dd the>=\\~#/'+\u0e44\u0e23\u0e17\u0e04\u0e35\u0e31\\###
      r\n}^?%\\$[for i in range(10):\n        x\u0e31\u0e31\u0e44\u0e1a\u0e1a\u0e04\u0e1a", "ids\###
      ": [295, 296, 13, 0, 57, 73, 84, 0, 20, 0, 4, 0, 0, 64, 0, 21, 0, 31, 252, 42, 100, 49, 87\###
      , 40, 38, 5, 10, 9, 6, 19, 55, 64, 64, 0], "decoded": "43554<unk>\u0300\u20ddthe<unk>=<unk\###
      >'<unk><unk>\u0e31<unk>?<unk>[foriinrange(10):x\u0e31\u0e31<unk>"}, {"text": "WEMMO\u0120\\###
      ub77c\ub098", "ids": [30, 0, 26, 26, 27, 0], "decoded": "W<unk>MMO<unk>"}, {"text": "\u03a\###
      3\u0631\u064a\u0628\r\nthe\ud801\udc00\ud801\udc00\ud835\udcd1\ud840\udc00\ud801\udc00\ud8\###
      35\udcd1\u010a\t\u3000\u3000\u200b\uac00\ud801\udc00\u01c5\ud835\udc9c\ud840\udc00\ud801\u\###
      dc28\ud835\udfd8\ud842\udfb7\ud801\udc28\ud840\udc00\ud842\udfb7", "ids": [0, 84, 0, 80, 8\###
      2, 0, 80, 0, 71, 75, 0, 79, 82, 0, 82, 0], "decoded": "<unk>the<unk>\ud835\udcd1\ud840\udc\###
      00<unk>\ud835\udcd1<unk>\u200b\uac00<unk>\ud835\udc9c\ud840\udc00<unk>\ud840\udc00<unk>"},\###
       {"text": "\u03b1\u03b6\u03c0\u200d\u200c\u200d\u062d\u0639\u0631\u0628\u0627\u0660\u0644)\###
      )?\u2581\u2581'Re[UNK]\ue4b5\u00c5\u22cf     Hello", "ids": [0, 72, 0, 72, 0, 6, 6, 21, 0,\###
       4, 0, 38, 31, 0, 32, 0, 0, 0, 25, 38, 92, 47], "decoded": "<unk>\u200d<unk>\u200d<unk>))?\###
      <unk>'<unk>e[<unk>]<unk><unk><unk>Hello"}, {"text": "\u216b      \t\t\ncamelCaseWORDS\u300\###
      0\uc5b4\uc5b44981\u091c\u0928\u0940\u0926\u0938\u0937\u092e\u0915", "ids": [0, 330, 30, 27\###
      , 0, 24, 28, 0, 13, 18, 17, 10, 0], "decoded": "<unk>camelCaseWO<unk>DS<unk>4981<unk>"}, {\###
      "text": "\u007f\u200d\u200d\u0000don't\ud558\ub2e4'\u017f9819\n\n\n\n\r\n\n\u03bb\u03bd\n\\###
      r\n\u11ab\u1112\u11ab\u1161\u0392\u03c3\u03b1\u03be\u03b4\u03bd\u03b9\u3000 \n\u00a0\u2028\###
      ", "ids": [0, 72, 72, 0, 253, 4, 51, 0, 76, 4, 0, 18, 17, 10, 18, 0, 69, 66, 69, 67, 0], "\###
      decoded": "<unk>\u200d\u200d<unk>don't<unk>\ub2e4'<unk>9819<unk>\u11ab\u1112\u11ab\u1161<u\###
      nk>"}, {"text": "  \u2462\ufb02\u017f\u2462[UNK]\u0412\u043c\u0434\u0432\u0433\u0414\u0442\###
      HCWCJK\u20dd\u0323\u20dd\u0300\u0308\u20dd</s>'\u017f\n\n\n\n\u2003\r\t\u00a0\u00df\u00df\\###
      u00f8", "ids": [0, 0, 0, 31, 0, 32, 0, 25, 0, 30, 0, 73, 60, 73, 57, 59, 73, 2, 4, 0, 0], \###
      "decoded": "<unk><unk><unk>[<unk>]<unk>H<unk>W<unk>\u20dd\u0323\u20dd\u0300\u0308\u20dd</s\###
      >'<unk><unk>"}]
      """###)
}
